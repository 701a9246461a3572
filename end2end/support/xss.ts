// Strings that try to run script, from the well-known families, and what a page must look like that showed them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';

interface Hostile {
  family: string;
  text: string;
  times?: number;
}

const file = join(import.meta.dirname, 'xss.json');

/** The corpus; the server's own tests read the same file. Every string calls `owned()` where it can. */
export const corpus: string[] = (JSON.parse(readFileSync(file, 'utf8')) as Hostile[]).map(({ text, times }) => text.repeat(times ?? 1));

/** The corpus in parts, so that a part fits on one page of a conversation. */
export function parts(size: number): string[][] {
  const all: string[][] = [];
  for (let from = 0; from < corpus.length; from += size) all.push(corpus.slice(from, from + size));
  return all;
}

/** Before anything of the page runs: what `owned()` does. */
export async function plantSentinel(page: Page): Promise<void> {
  await page.context().addInitScript(() => {
    (globalThis as { owned?: () => void }).owned = () => {
      document.documentElement.setAttribute('data-owned', location.href);
    };
  });
}

const elements = ['A', 'BLOCKQUOTE', 'CODE', 'DEL', 'EM', 'H3', 'H4', 'H5', 'H6', 'HR', 'LI', 'OL', 'P', 'PRE', 'STRONG', 'TABLE', 'TBODY', 'TD', 'TH', 'THEAD', 'TR', 'UL'];

/** Nothing ran, and nothing is there that could. Texts are the elements in which strangers' words stand. */
export async function expectInert(page: Page, texts: string): Promise<void> {
  const faults = await page.evaluate(
    ({ texts, elements }) => {
      const faults: string[] = [];
      const fault = (what: string, element: Element) => faults.push(`${what}: ${element.outerHTML.slice(0, 200)}`);
      for (const root of document.querySelectorAll(texts)) {
        for (const element of root.querySelectorAll('*')) {
          // Ours: the page puts it into every block of code, cut from its own template.
          if (element.matches('pre > button.copy[type=button][data-do=copy]:first-child') && element.attributes.length === 3) continue;
          if (!elements.includes(element.tagName)) fault('element', element);
          for (const { name, value } of element.attributes) {
            const place = `${element.tagName.toLowerCase()} ${name}`;
            const fine =
              (place === 'a href' && ['http:', 'https:', 'mailto:'].includes((element as HTMLAnchorElement).protocol)) ||
              (place === 'a rel' && value === 'noopener nofollow ugc') ||
              (place === 'a target' && value === '_blank') ||
              (place === 'ol start' && /^\d+$/.test(value));
            if (!fine) fault(`attribute ${name}`, element);
          }
          if (element.matches('a') && !(element.hasAttribute('rel') && element.hasAttribute('target'))) fault('link', element);
          // What would listen, hears.
          for (const type of ['pointerenter', 'mouseover', 'focus', 'toggle', 'animationstart', 'beforetoggle', 'error', 'load']) {
            element.dispatchEvent(new Event(type));
          }
        }
      }
      for (const element of document.querySelectorAll('*')) {
        for (const { name } of element.attributes) if (/^on/i.test(name)) fault('handler', element);
      }
      for (const element of document.querySelectorAll('iframe, frame, object, embed, base, portal, img:not(dialog.lightbox > img:not([onerror])), video, audio, [srcdoc], [formaction], meta[http-equiv], a[href^="javascript:" i]')) {
        fault('element', element);
      }
      if (typeof document.getElementById !== 'function' || typeof document.cookie !== 'string') faults.push('the document is clobbered');
      return faults;
    },
    { texts, elements },
  );
  expect(faults).toEqual([]);
  for (const frame of page.frames()) {
    expect(await frame.evaluate(() => document.documentElement.getAttribute('data-owned')), 'script that ran').toBeNull();
  }
  expect(page.frames()).toHaveLength(1);
}
