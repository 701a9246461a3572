// The states that are pictured, the same in every language: so everything is found by what does not depend on one.
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { connectionLines, statusLine } from '../../support/console.ts';
import { openSettings, overhang } from '../../support/everyone.ts';
import { type Apart, apart } from '../../support/hotline.ts';
import { arrivedThread, connection, hydrated } from '../../support/pages.ts';
import { Past } from '../../support/past.ts';
import { agentTypes, withShutters } from '../../support/signals.ts';
import { expect, test } from '../../support/test.ts';
import type { Texts } from './texts.ts';

const folder = resolve(import.meta.dirname, '../../screenshots');
const day = 24 * 60;
/** Both ways to hear of what is new. */
const live = /\/api\/support\/(stream|poll)\?/;

export interface Shot {
  page: Page;
  stand: Apart;
  past: Past;
  texts: Texts;
  take(name: string): Promise<void>;
}

export type Scene = (shot: Shot) => Promise<void>;

/** A test for each width and colour scheme: these scenes one after the other, each by a visitor of its own. */
export function pictures(texts: Texts, scenes: Scene[]): void {
  for (const width of [1280, 375]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`${texts.locale} at ${width} px, ${colorScheme}`, async ({ browser, guard }, info) => {
        test.slow();
        guard.allow(...connectionLines, statusLine(50), /50[0-9]/);
        // A workspace of its own: the desk shows all threads, and a picture should not depend on other tests.
        const past = await Past.start();
        const stand = await apart(info.outputPath('server.log'), { api: (direct) => past.before(direct) });
        guard.home(stand.portalUrl, stand.sandbox.url);
        try {
          for (const scene of scenes) {
            const context = await browser.newContext({
              baseURL: stand.portalUrl,
              viewport: { width, height: width > 600 ? 800 : 812 },
              deviceScaleFactor: width > 600 ? 1 : 2,
              colorScheme,
              reducedMotion: 'reduce',
              locale: texts.locale,
              timezoneId: 'UTC',
            });
            await guard.watch(context);
            const page = await context.newPage();
            const take = async (name: string) => {
              const path = join(folder, `${name}${texts.mark}-${width}-${colorScheme}.png`);
              await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
              // Nothing is pointed at.
              await page.mouse.move(0, 0);
              expect(await overhang(page), `${name} does not scroll sideways`).toBeLessThanOrEqual(0);
              await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
            };
            past.ago(0);
            await scene({ page, stand, past, texts, take });
            await context.close();
          }
        } finally {
          await stand.close();
          await past.close();
        }
      });
    }
  }
}

const entry = (page: Page, text: string): Locator => page.locator('li.message', { hasText: text });
const state = (page: Page, text: string, it: string) => expect(entry(page, text)).toHaveAttribute('data-state', it);
const connected = (page: Page, it: string) => expect(connection(page)).toHaveAttribute('data-state', it);

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#reply').fill(text);
  await page.locator('.composer [type=submit]').click();
}

async function fill(page: Page, values: object): Promise<void> {
  for (const [name, value] of Object.entries(values) as [string, string][]) {
    const control = page.locator(`form.form [name=${name}]`);
    await (name === 'topic' ? control.selectOption(value) : control.fill(value));
  }
}

/** A request, as a page without script sends it. */
async function asked(page: Page, values: Texts['asked']): Promise<string> {
  const answer = await page.request.post('/', { form: { ...values, submission_id: randomUUID() }, maxRedirects: 0 });
  expect(answer.status()).toBe(303);
  return (answer.headers()['location'] as string).slice('/t/'.length);
}

async function replied(page: Page, threadId: string, text: string): Promise<void> {
  const answer = await page.request.post(`/t/${threadId}`, { form: { text, client_message_id: randomUUID() }, maxRedirects: 0 });
  expect(answer.status()).toBe(303);
}

/** A picture as agents send them. */
async function chart(page: Page): Promise<Buffer> {
  const url = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 900, height: 600 });
    const pen = canvas.getContext('2d') as CanvasRenderingContext2D;
    const box = (colour: string, ...at: [number, number, number, number]) => {
      pen.fillStyle = colour;
      pen.fillRect(...at);
    };
    box('#fbfaf8', 0, 0, 900, 600);
    for (let line = 0; line < 5; line += 1) box('#e3ded8', 60, 90 + line * 105, 780, 2);
    [410, 372, 398, 431, 204, 204, 204].forEach((height, at) => box(at < 4 ? '#3f6f8f' : '#c83826', 84 + at * 110, 512 - height, 72, height));
    return canvas.toDataURL('image/png');
  });
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
}

/** From the empty form to the stars: one request, in all the states that it goes through. */
export const request: Scene = async ({ page, stand, texts, take }) => {
  const { sandbox } = stand;
  await page.goto('/');
  await hydrated(page);
  await take('form');
  await fill(page, { ...texts.asked, email: 'ada@example', subject: '' });
  await page.locator('form.form [type=submit]').click();
  await expect(page.locator('#email')).toHaveAttribute('aria-invalid', 'true');
  await take('form-errors');
  await fill(page, texts.asked);
  await page.locator('form.form [type=submit]').click();
  const threadId = await arrivedThread(page);
  await hydrated(page);
  await connected(page, 'live');
  await take('conversation-new');

  await sandbox.answer(threadId, texts.look);
  await sandbox.answer(threadId, texts.cause, 'slack');
  await expect(entry(page, texts.cause)).toBeVisible();
  await say(page, texts.quick);
  await state(page, texts.quick, 'sent');
  await sandbox.answer(threadId, texts.again);
  await expect(entry(page, texts.again)).toBeVisible();
  await take('conversation');

  await sandbox.faults({ graphql: { status: 500 } });
  await say(page, texts.thanks);
  await state(page, texts.thanks, 'failed');
  const retry = entry(page, texts.thanks).locator('.message__again button').first();
  await expect(retry).toBeVisible();
  await take('conversation-failed');
  await sandbox.faults({});
  await retry.click();
  await state(page, texts.thanks, 'sent');

  await page.context().setOffline(true);
  await connected(page, 'offline');
  await say(page, texts.tunnel);
  await state(page, texts.tunnel, 'queued');
  await take('conversation-offline');
  await page.route(live, (route) => route.abort());
  await page.context().setOffline(false);
  await connected(page, 'reconnecting');
  const now = page.locator('.connection__retry');
  await expect(now).toBeVisible();
  await state(page, texts.tunnel, 'sent');
  await take('conversation-reconnecting');
  await page.unroute(live);
  await expect(async () => {
    // It is gone as soon as the connection is back.
    if (await now.isVisible()) await now.click({ timeout: 1000 });
    await expect(connection(page)).toHaveAttribute('data-state', 'live', { timeout: 2000 });
  }).toPass();

  await sandbox.answer(threadId, texts.markup);
  await expect(entry(page, 'Settings → Exports')).toBeVisible();
  await sandbox.answer(threadId, texts.slack, 'slack');
  await expect(entry(page, 'Ines')).toBeVisible();
  await take('conversation-markup');

  const turned = page.locator('.turned');
  const before = await turned.count();
  await uploading(page, texts, take);
  await expect(turned).toHaveCount(before + 1);

  await sandbox.setStatus(threadId, 'DONE');
  const stars = page.locator('.rating__star');
  await expect(turned).toHaveCount(before + 2);
  await expect(stars.first()).toBeVisible();
  await take('conversation-done');
  await stars.nth(3).click();
  await expect(page.locator('.rating__thanks span').first()).toBeVisible();
  await page.locator('.menu__button').click();
  await expect(page.locator('.menu__list')).toBeVisible();
  await take('conversation-rated');
};

/** One file is there, and one is on its way; then both go out. */
async function uploading(page: Page, texts: Texts, take: Shot['take']): Promise<void> {
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const speed = (uploadThroughput: number) =>
    network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  const [picture, log] = texts.files;
  const jump = page.locator('.jump');
  if (await jump.isVisible()) await jump.click();
  await expect(jump).toBeHidden();
  const box = page.locator('input[name=files]');
  const items = page.locator('.upload');
  await page.locator('#reply').fill(texts.evidence);
  await box.setInputFiles({ name: picture, mimeType: 'image/png', buffer: await chart(page) });
  await expect(items.first()).toHaveAttribute('data-state', 'done');
  // Slow enough for it to be under way while its picture is taken.
  await speed(250_000);
  await box.setInputFiles({ name: log, mimeType: 'text/plain', buffer: Buffer.alloc(1_900_000, 'x') });
  const bar = items.nth(1).locator('progress');
  await expect.poll(() => bar.evaluate((it: HTMLProgressElement) => it.value), { intervals: [20] }).toBeGreaterThanOrEqual(30);
  await take('conversation-upload');
  await expect(items.nth(1)).toHaveAttribute('data-state', 'moving');
  await speed(-1);
  await expect(items.nth(1)).toHaveAttribute('data-state', 'done');
  await page.locator('.composer [type=submit]').click();
  await state(page, texts.evidence, 'sent');
  await expect(items).toHaveCount(0);
  await network.detach();
}

/** A conversation of several days, in the middle of it. */
export const busy: Scene = async ({ page, stand, past, texts, take }) => {
  const { sandbox } = stand;
  const said = texts.busy;
  const shutters = await withShutters(page);
  const taken = () => Promise.all(['sent', 'updated'].map((what) => sandbox.delivered(`thread.slack_message_${what}`)));
  const before = await taken();
  past.ago(3 * day);
  const threadId = await asked(page, texts.asked);
  past.ago(3 * day - 12);
  await sandbox.answer(threadId, said.greeting);
  past.ago(3 * day - 14);
  await replied(page, threadId, said.everywhere);
  await replied(page, threadId, said.andLarge);
  past.ago(3 * day - 26);
  await page.goto('/');
  await sandbox.answer(threadId, said.chart, 'slack', [{ fileName: said.chartFile, base64: (await chart(page)).toString('base64') }]);
  past.ago(day);
  await sandbox.answer(threadId, said.run);
  past.ago(day - 9);
  await replied(page, threadId, said.ran);
  past.ago(day - 11);
  const needed = await sandbox.answer(threadId, said.needed, 'slack');
  for (const name of ['tada', '+1']) await sandbox.react(needed, name);
  past.ago(28);
  await sandbox.answer(threadId, said.mail, 'email');
  past.ago(21);
  const change = await sandbox.answer(threadId, said.change, 'slack');
  await sandbox.edit(change, said.changed);
  const mistake = await sandbox.answer(threadId, said.mistake, 'slack');
  await sandbox.remove(mistake);
  past.ago(16);
  await replied(page, threadId, texts.thanks);
  past.ago(0);
  // The events have their true times: the page comes after them.
  await expect.poll(taken).toEqual(before.map((count) => count + 4));

  await page.goto(`/t/${threadId}`);
  await hydrated(page);
  await connected(page, 'live');
  await shutters(false);
  for (const text of said.away) {
    await sandbox.answer(threadId, text);
    await expect(entry(page, text)).toHaveAttribute('data-entry-id', /./);
  }
  await expect(page.locator('li.unread')).toHaveCount(1);
  await shutters(true);
  const types = async () => {
    await agentTypes(stand, threadId, 'Robin');
    await expect(page.locator('p.typing')).toBeVisible();
  };
  await types();
  await take('conversation-busy');
  // All of it at once: as high as it is.
  const list = page.locator('.conversation__scroll');
  const hidden = await list.evaluate((it) => it.scrollHeight - it.clientHeight);
  const { width, height } = page.viewportSize() as { width: number; height: number };
  await page.setViewportSize({ width, height: height + hidden });
  await expect.poll(() => list.evaluate((it) => it.scrollHeight - it.clientHeight)).toBeLessThanOrEqual(0);
  const image = page.locator('.picture img');
  await expect.poll(() => image.evaluate((it: HTMLImageElement) => it.complete && it.naturalWidth)).toBe(900);
  await types();
  await take('conversation-busy-whole');
};

/** The list: empty, and with requests in every state. */
export const list: Scene = async ({ page, stand, past, texts, take }) => {
  await page.goto('/threads');
  await take('threads-empty');
  const [invoice, idea, mail] = texts.others;
  const about = (subject: string) => asked(page, { ...texts.asked, subject });
  past.ago(9 * day);
  await stand.sandbox.setStatus(await about(idea), 'DONE');
  past.ago(day);
  await about(mail);
  past.ago(2);
  await stand.sandbox.answer(await about(invoice), texts.again);
  past.ago(0);
  await page.goto('/threads');
  await expect(page.locator('main a[href^="/t/"]')).toHaveCount(3);
  await expect(page.locator('.thread__new')).toHaveCount(1);
  await take('threads');
  await openSettings(page);
  await take('settings');
};

/** The sandbox's side of it. */
export const desk: Scene = async ({ page, stand, texts, take }) => {
  await page.goto(stand.sandbox.url);
  const subject = page.getByText(texts.asked.subject, { exact: true }).first();
  await expect(subject).toBeVisible();
  await take('desk');
  await subject.click();
  await expect(page.getByText(texts.thanks).first()).toBeVisible();
  await take('desk-thread');
};
