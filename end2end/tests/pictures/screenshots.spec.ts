// Pictures of every state at two widths and in both colour schemes: for the README, and for whoever changes the design.
import { busy, desk, list, pictures, request } from './scenes.ts';
import { english } from './texts.ts';

pictures(english, [request, desk, busy, list]);
