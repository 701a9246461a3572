// The `test` of every spec: a portal and sandbox per worker, watched browsers, and words for what visitors do.
import { basename, join } from 'node:path';
import { test as base, type BrowserContext, type Page } from '@playwright/test';
import { ConsoleGuard } from './console.ts';
import { apart, embedded, type Stand } from './hotline.ts';

export { expect } from '@playwright/test';

interface TestFixtures {
  /** Whether script runs in this project's pages. */
  scripted: boolean;
  guard: ConsoleGuard;
  /** A page of somebody else: another browser, no cookie in common. */
  stranger: Page;
  /** Portal and sandbox as two processes, for tests that stop one of them. */
  split: Stand;
  clearFaults: void;
  serverLog: void;
}

interface WorkerFixtures {
  stand: Stand;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  stand: [
    // biome-ignore lint: Playwright reads the names of fixtures from the pattern
    async ({}, use, info) => {
      const stand = await embedded(join(info.project.outputDir, 'logs', `worker-${info.workerIndex}.log`));
      await use(stand);
      await stand.close();
    },
    { scope: 'worker', timeout: 60_000 },
  ],

  baseURL: async ({ stand }, use) => use(stand.portalUrl),

  scripted: async ({ javaScriptEnabled }, use) => use(javaScriptEnabled !== false),

  guard: async ({ stand }, use) => {
    const guard = new ConsoleGuard();
    guard.home(stand.portalUrl, stand.sandbox.url);
    // A page cannot know that script is off, and preloads what it would need. With script Chromium says so by the clock: when
    // a busy machine takes seconds to start the script.
    guard.allow(/hotline\.\w+ was preloaded using link preload but not used within a few seconds/);
    await use(guard);
    test.expect(guard.faults, 'errors in the console, broken policies, foreign requests, dialogs').toEqual([]);
  },

  context: async ({ context, guard }, use) => {
    await guard.watch(context);
    await use(context);
  },

  stranger: async ({ browser, guard, contextOptions, viewport, javaScriptEnabled, baseURL }, use) => {
    const context: BrowserContext = await browser.newContext({ ...contextOptions, viewport, javaScriptEnabled, baseURL });
    await guard.watch(context);
    await use(await context.newPage());
    await context.close();
  },

  split: async ({ guard }, use, info) => {
    const stand = await apart(join(info.outputDir, `${basename(info.file, '.ts')}.log`));
    guard.home(stand.portalUrl, stand.sandbox.url);
    await use(stand);
    await stand.close();
  },

  clearFaults: [
    async ({ stand }, use) => {
      await use();
      await stand.sandbox.faults({});
    },
    { auto: true },
  ],

  // A failure is told together with what the server said meanwhile.
  serverLog: [
    async ({ stand }, use, info) => {
      const before = stand.portal.output.length;
      await use();
      if (info.status !== info.expectedStatus) {
        await info.attach('server log', { body: stand.portal.output.slice(before), contentType: 'text/plain' });
      }
    },
    { auto: true },
  ],
});
