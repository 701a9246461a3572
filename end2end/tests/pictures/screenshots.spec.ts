// Pictures of every state at two widths and in both colour schemes: for the README, and for whoever changes the design.
import { join, resolve } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { type ConsoleGuard, connectionLines, statusLine } from '../../support/console.ts';
import { embedded, type Stand } from '../../support/hotline.ts';
import {
  ask, composer, connectionState, fillIn, message, openForm, question, reply, retryButton, submitButton,
} from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const folder = resolve(import.meta.dirname, '../../screenshots');

const asked = {
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  topic: 'problem',
  subject: 'The export stops at row 5000',
  message: 'Since yesterday the export to CSV stops at row 5000, whatever I choose.\n\nThe file itself is fine. Is there a new limit?',
} as const;

interface Shot {
  page: Page;
  stand: Stand;
  take(name: string): Promise<void>;
}

async function withPage(
  browser: Browser,
  stand: Stand,
  guard: ConsoleGuard,
  look: { width: number; colorScheme: 'light' | 'dark' },
  work: (shot: Shot) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({
    baseURL: stand.portalUrl,
    viewport: { width: look.width, height: look.width > 600 ? 800 : 812 },
    deviceScaleFactor: look.width > 600 ? 1 : 2,
    colorScheme: look.colorScheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  guard.home(stand.portalUrl, stand.sandbox.url);
  await guard.watch(context);
  const page = await context.newPage();
  const take = async (name: string) => {
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const fits = await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
    expect(fits, `${name} at ${look.width} px does not scroll sideways`).toBe(true);
    await page.screenshot({ path: join(folder, `${name}-${look.width}-${look.colorScheme}.png`), animations: 'disabled', caret: 'hide' });
  };
  await work({ page, stand, take });
  await context.close();
}

async function form({ page, take }: Shot): Promise<void> {
  await openForm(page, true);
  await take('form');
  await fillIn(page, { ...asked, email: 'ada@example', subject: '' });
  await submitButton(page).click();
  await expect(page.getByLabel('E-mail', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await take('form-errors');
}

async function talk({ page, stand, take }: Shot): Promise<void> {
  const threadId = await ask(page, true, asked);
  await connectionState(page, 'live');
  await take('conversation-new');

  const { sandbox } = stand;
  await sandbox.answer(threadId, 'Good morning Ada, thanks for telling us. Let me have a look at your last exports.');
  await sandbox.answer(threadId, 'Found it: the new limit for previews was applied to downloads as well. We are putting it right now.', 'slack');
  await expect(message(page, 'Found it')).toBeVisible();
  await reply(page, 'That was quick! Shall I start the export again, or will the old one be completed?');
  await expect(message(page, 'That was quick')).toHaveAttribute('data-state', 'sent');
  await sandbox.answer(threadId, 'Please start it again. It should bring all 12,480 rows. 🎉');
  await expect(message(page, '12,480')).toBeVisible();
  await composer(page).scrollIntoViewIfNeeded();
  await take('conversation');

  await sandbox.faults({ graphql: { status: 500 } });
  await reply(page, 'It works, all rows are there. Thank you!');
  await expect(retryButton(message(page, 'It works'))).toBeVisible();
  await take('conversation-failed');
  await sandbox.faults({});
  await retryButton(message(page, 'It works')).click();
  await expect(message(page, 'It works')).toHaveAttribute('data-state', 'sent');

  await page.context().setOffline(true);
  await connectionState(page, 'offline');
  await take('conversation-offline');
  await page.context().setOffline(false);
  await connectionState(page, 'live');

  await sandbox.answer(threadId, written);
  await expect(message(page, 'What we changed')).toBeVisible();
  await sandbox.answer(threadId, '*Slack* says: see <https://status.example.com|the status page>, <@U1|Ines>.\n&gt; All systems go', 'slack');
  await expect(message(page, 'All systems go')).toBeVisible();
  await take('conversation-markup');
  await sandbox.setStatus(threadId, 'DONE');
}

/** One of everything that Markdown has. */
const written = `## What we changed
The limit is gone for *downloads*, ~~and for previews~~ **not** for previews. Details: https://docs.example.com/exports/limits-and-quotas/how-rows-are-counted?plan=team&region=eu-central-1#downloads

1. Open \`Settings → Exports\`
2. Press **Start again**
   - it takes a minute
   - [x] no need to wait

> Will the old file be completed?

No, take the [new one](https://files.example.com/new):

\`\`\`
$ curl --fail --location --output export.csv https://files.example.com/exports/2026/11/ada.csv
12480 rows
\`\`\`

| Plan | Rows |
|------|------|
| Free | 5000 |
| Team | no limit |`;

async function list({ page, take }: Shot): Promise<void> {
  await page.goto('/threads');
  await take('threads-empty');
  for (const subject of ['Can we pay by invoice?', 'An idea for the calendar view', 'Password mail does not arrive']) {
    await ask(page, true, question({ name: asked.name, email: asked.email, subject }));
  }
  await page.goto('/threads');
  await expect(page.getByRole('main').locator('a[href^="/t/"]')).toHaveCount(3);
  await take('threads');
}

async function desk({ page, stand, take }: Shot): Promise<void> {
  await page.goto(stand.sandbox.url);
  await expect(page.getByText(asked.subject, { exact: true }).first()).toBeVisible();
  await take('desk');
  await page.getByText(asked.subject, { exact: true }).first().click();
  await expect(page.getByText('Found it', { exact: false }).first()).toBeVisible();
  await take('desk-thread');
}

for (const width of [1280, 375]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`at ${width} px, ${colorScheme}`, async ({ browser, guard }, info) => {
      test.slow();
      guard.allow(...connectionLines, statusLine(50), /50[0-9]/);
      // A workspace of its own: the desk shows all threads, and a picture should not depend on other tests.
      const stand = await embedded(info.outputPath('server.log'));
      try {
        for (const work of [form, talk, list, desk]) await withPage(browser, stand, guard, { width, colorScheme }, work);
      } finally {
        await stand.close();
      }
    });
  }
}
