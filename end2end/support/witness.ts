// Sees every moment of a conversation page: what a look now and then would miss.
import type { Page } from '@playwright/test';

interface Seen {
  /** The states of the dot, each when it began. */
  states: string[];
  /** Words that two messages said at the same time. */
  twice: string[];
  /** Words that were shown, and then for a moment not. */
  lost: string[];
}

export interface Witness {
  seen(): Promise<Seen>;
}

/** Watches from now on, until the document ends. */
export async function witness(page: Page): Promise<Witness> {
  await page.evaluate(() => {
    const seen: Seen = { states: [], twice: [], lost: [] };
    Object.assign(window, { hotlineWitness: seen });
    const log = document.querySelector('[role=log]');
    const dot = document.querySelector('p.connection');
    if (!log || !dot) throw new Error('no conversation');
    const shown = () => [...log.querySelectorAll('li.message .bubble__text')].map((bubble) => bubble.textContent ?? '');
    let before = shown();
    const look = () => {
      const now = shown();
      seen.twice.push(...now.filter((text, at) => now.indexOf(text) !== at));
      seen.lost.push(...before.filter((text) => !now.includes(text)));
      before = now;
    };
    const state = () => {
      const word = dot.getAttribute('data-state') ?? '';
      if (seen.states.at(-1) !== word) seen.states.push(word);
    };
    state();
    new MutationObserver(look).observe(log, { childList: true, subtree: true, characterData: true });
    new MutationObserver(state).observe(dot, { attributes: true });
  });
  return { seen: () => page.evaluate(() => (window as unknown as { hotlineWitness: Seen }).hotlineWitness) };
}
