// The `test` of what goes wrong: a portal, its workspace and a gateway in front of it, all of the test's own.
import { basename, join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { connectionLines, statusLine } from './console.ts';
import { type Apart, apart } from './hotline.ts';
import { ask, connection, connectionState, hydrated, type Question, question, reconnectButton, words } from './pages.ts';
import { Proxy } from './proxy.ts';
import { test as base } from './test.ts';
import { type Witness, witness } from './witness.ts';

export { expect };

export interface House extends Apart {
  /** What the browser goes through. */
  proxy: Proxy;
}

interface FaultFixtures {
  /** Settings of the portal on top of the usual ones. */
  settings: Record<string, string>;
  house: House;
}

/** Settings with which silence is noticed soon. */
export const impatient = { HOTLINE_STREAM_HEARTBEAT_MS: '1000' };

export const stream = /^\/api\/support\/stream\?/;
/** What a page asks to stay up to date, whichever way. */
export const anything = /^\//;

export const test = base.extend<FaultFixtures>({
  settings: [{}, { option: true }],

  house: async ({ guard, settings }, use, info) => {
    // Several servers, and things that have to be noticed missing: on a busy machine that takes its time.
    info.setTimeout(180_000);
    const proxy = await Proxy.start();
    const stand = await apart(join(info.outputDir, `${basename(info.file, '.ts')}.log`), {
      front: async (direct) => {
        proxy.leadTo(direct);
        return proxy.url;
      },
      settings,
    });
    guard.home(stand.portalUrl, stand.sandbox.url);
    // What Chromium itself prints about the faults; nothing else may be printed.
    guard.allow(...connectionLines, statusLine(502), statusLine(503));
    await use({ ...stand, proxy });
    await stand.close();
    await proxy.close();
  },

  baseURL: async ({ house }, use) => use(house.portalUrl),
});

/** A visitor with an open conversation, and everything that was said in it. */
export interface Visit {
  threadId: string;
  asked: Question;
  witness: Witness;
  /** The agent answers; gives the words. */
  answered(text: string): Promise<string>;
}

/** Asks, waits for the green dot, and watches from then on. */
export async function visit(page: Page, house: Pick<Apart, 'sandbox'>): Promise<Visit> {
  const asked = question();
  const threadId = await ask(page, true, asked);
  await connectionState(page, 'live');
  return { threadId, asked, witness: await witness(page), answered: async (text) => (await house.sandbox.answer(threadId, text), text) };
}

/** The visitor does not wait for the next try by itself. */
export async function reconnect(page: Page): Promise<void> {
  await expect(async () => {
    // It is gone as soon as the connection is back.
    if (await reconnectButton(page).isVisible()) await reconnectButton(page).click({ timeout: 1000 });
    await expect(connection(page)).toHaveAttribute('data-state', 'live', { timeout: 2000 });
  }).toPass({ timeout: 30_000 });
}

/**
 * The page shows these words and no others, once each and in this order, with a green dot; never showed one twice or
 * lost one meanwhile; and Plain and a page that is loaded anew say the same.
 */
export async function complete(page: Page, house: Pick<Apart, 'sandbox'>, { threadId, witness, asked }: Visit, said: string[]): Promise<void> {
  const all = [asked.message, ...said];
  await expect(words(page)).toHaveText(all);
  await connectionState(page, 'live');
  const { twice, lost } = await witness.seen();
  expect(twice, 'shown twice').toEqual([]);
  expect(lost, 'lost from the screen').toEqual([]);
  expect(await house.sandbox.chats(threadId)).toEqual(all);
  await page.reload();
  await hydrated(page);
  await expect(words(page)).toHaveText(all);
}
