// The same pages from right to left, in Arabic: for whoever changes the design.
import { busy, list, pictures, request } from './scenes.ts';
import { arabic } from './texts.ts';

pictures(arabic, [request, busy, list]);
