// Files while the page lives: the tray of the reply box, and pictures that come by themselves.
import type { Page } from '@playwright/test';
import { statusLine } from '../../support/console.ts';
import { appears, ask, composer, connectionState, hydrated, message, reply, sendButton, unique } from '../../support/pages.ts';
import { png } from '../../support/picture.ts';
import { expect, test } from '../../support/test.ts';

const box = 'input[name=files]';
const picture = () => ({ name: 'screen.png', mimeType: 'image/png', buffer: png(320, 200) });
const file = (name: string, bytes: number) => ({ name, mimeType: 'text/plain', buffer: Buffer.alloc(bytes, 'x') });

/** Hands files over as a paste or a drop does. */
async function hand(page: Page, event: 'paste' | 'drop', name: string): Promise<void> {
  await composer(page).evaluate(
    (target, [event, name]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array([1, 2, 3])], name as string, { type: 'text/plain' }));
      const init = { bubbles: true, cancelable: true };
      target.dispatchEvent(event === 'paste' ? new ClipboardEvent('paste', { ...init, clipboardData: data }) : new DragEvent('drop', { ...init, dataTransfer: data }));
    },
    [event, name] as const,
  );
}

/** How fast bytes leave the browser; none for at once. */
async function slowly(page: Page): Promise<(bytesPerSecond?: number) => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  return async (uploadThroughput = -1) => {
    await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  };
}

test('files come by button, by paste and by dropping, and can be taken out again', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await page.getByLabel('Attach files').setInputFiles([picture(), file('a.txt', 5)]);
  await hand(page, 'paste', 'pasted.txt');
  await hand(page, 'drop', 'dropped.txt');
  const tray = page.getByRole('list', { name: 'Files to send' });
  const items = tray.getByRole('listitem');
  await expect(items).toHaveCount(4);
  await expect(tray.locator('[data-state=done]')).toHaveCount(4);
  // A small view of a picture, made without any address of its own.
  await expect(items.first().locator('canvas')).toBeVisible();
  await expect(items.nth(1).locator('canvas')).toBeHidden();
  await expect(items.first()).toContainText('Uploaded');
  await tray.getByRole('button', { name: 'Remove a.txt' }).click();
  await expect(items).toHaveCount(3);
  await expect(composer(page)).toBeFocused();
  // Files may stand for themselves.
  await composer(page).press('Enter');
  const sent = page.getByRole('log').locator('li.message[data-mine]').last();
  await expect(sent).toHaveAttribute('data-state', 'sent');
  await expect(sent.locator('.attachment__name')).toHaveText(['screen.png', 'pasted.txt', 'dropped.txt']);
  await expect(items).toHaveCount(0);
  expect(await stand.sandbox.chats(threadId)).toHaveLength(2);
});

test('an upload shows how far it is, can be cancelled, and the message waits for it', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const speed = await slowly(page);
  await speed(150_000);
  await page.locator(box).setInputFiles([file('long.txt', 3_000_000), file('other.txt', 2_000_000)]);
  const items = page.locator('.upload');
  const note = items.first().locator('.upload__note');
  await expect(note).toHaveText(/^Uploading, [1-9]\d? %$/);
  await expect.poll(() => items.first().locator('progress').evaluate((bar: HTMLProgressElement) => bar.value)).toBeGreaterThan(0);

  const text = unique('With one of them');
  await reply(page, text);
  await expect(page.getByRole('alert').filter({ hasText: 'wait until the files are uploaded' })).toBeVisible();
  await expect(composer(page)).toHaveValue(text);
  const cancelled = page.waitForEvent('requestfailed', (request) => request.url().includes('other.txt'));
  await items.nth(1).getByRole('button', { name: /Remove/ }).click();
  await cancelled;
  await expect(items).toHaveCount(1);
  await speed();
  // It goes out by itself.
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, text).locator('.attachment__name')).toHaveText(['long.txt']);
  await expect(composer(page)).toHaveValue('');
  expect((await stand.sandbox.chats(threadId)).filter((chat) => chat === text)).toHaveLength(1);
});

test('what the server would not take is refused before a byte is sent', async ({ page, scripted }) => {
  await ask(page, scripted);
  let uploads = 0;
  page.on('request', (request) => (uploads += Number(request.url().includes('/api/support/attachments'))));
  const alert = page.getByRole('alert').filter({ visible: true });
  await page.locator(box).setInputFiles(file('setup.exe', 5));
  await expect(alert).toContainText('setup.exe is of a kind that cannot be sent.');
  await page.locator(box).setInputFiles(file('empty.txt', 0));
  await expect(alert).toContainText('empty.txt is empty.');
  // A file of 101 MB that takes no room.
  await page.locator(box).evaluate((input: HTMLInputElement) => {
    const data = new DataTransfer();
    data.items.add(new File([new Blob(Array.from({ length: 101 }, () => new Uint8Array(1_000_000)))], 'film.mp4'));
    input.files = data.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  });
  await expect(alert).toContainText('film.mp4 is larger than 100 MB.');
  await expect(page.locator('.upload')).toHaveCount(0);
  expect(uploads).toBe(0);
  await expect(page.getByLabel('Attach files')).toHaveAccessibleDescription('Up to 100 MB a message');
});

test('an upload that fails keeps the message, and can be tried again', async ({ page, scripted, guard }) => {
  guard.allow(statusLine(503));
  await ask(page, scripted);
  await page.route('**/api/support/attachments?*', (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":"Not now.","code":"unavailable"}' }));
  const text = unique('Kept');
  await composer(page).fill(text);
  await page.locator(box).setInputFiles(file('a.txt', 5));
  const item = page.locator('.upload');
  await expect(item).toHaveAttribute('data-state', 'failed');
  await expect(item).toContainText('Not now.');
  await sendButton(page).click();
  await expect(page.getByRole('alert').filter({ hasText: 'The upload failed' })).toBeVisible();
  await expect(composer(page)).toHaveValue(text);
  await page.unroute('**/api/support/attachments?*');
  await item.getByRole('button', { name: 'Try again' }).click();
  await expect(item).toHaveAttribute('data-state', 'done');
  await sendButton(page).click();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
});

test('a message that failed comes back into the reply box with its files', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(422));
  const threadId = await ask(page, scripted);
  const reply = '**/api/support/reply';
  await page.route(reply, (route) => route.fulfill({ status: 422, contentType: 'application/json', body: '{"error":"Not like this.","code":"invalid"}' }));
  const [first, second] = [unique('First words'), unique('Second words')];
  await composer(page).fill(first);
  await page.locator(box).setInputFiles([file('a.txt', 5), file('b.txt', 5)]);
  await expect(page.locator('.upload[data-state=done]')).toHaveCount(2);
  await sendButton(page).click();
  await expect(message(page, first)).toHaveAttribute('data-state', 'failed');
  await expect(page.locator('.upload')).toHaveCount(0);

  await message(page, first).getByRole('button', { name: 'Edit' }).click();
  await expect(message(page, first)).toHaveCount(0);
  await expect(composer(page)).toHaveValue(first);
  await expect(page.locator('.upload__name')).toHaveText(['a.txt', 'b.txt']);
  await page.locator('.upload').filter({ hasText: 'a.txt' }).getByRole('button', { name: 'Remove' }).click();
  await page.unroute(reply);
  await composer(page).fill(second);
  await sendButton(page).click();
  await expect(message(page, second)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, second).locator('.attachment__name')).toHaveText(['b.txt']);
  // It was not uploaded twice, and goes with the message.
  await page.reload();
  await expect(message(page, second).locator('.attachment__name')).toHaveText(['b.txt']);
  expect((await stand.sandbox.chats(threadId)).at(-1)).toBe(second);
});

test("an agent's picture comes by itself and moves nothing", async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  let release = () => {};
  let gate = new Promise<void>((done) => (release = done));
  await page.route(/attachment\?.*inline=1/, async (route) => {
    await gate;
    await route.continue();
  });
  const text = unique('See here');
  await stand.sandbox.answer(threadId, text, 'chat', [{ fileName: 'plan.png', base64: png(900, 300).toString('base64') }]);
  await appears(page, scripted, text);
  const link = message(page, text).locator('.picture');
  const image = link.getByRole('img', { name: 'plan.png' });
  const loaded = () => image.evaluate((img: HTMLImageElement) => img.complete && img.naturalWidth);
  // As it is laid out: a bubble that has just come is still growing on the screen.
  const size = () => link.evaluate((box: HTMLElement) => [box.offsetWidth, box.offsetHeight]);
  // Its place is there before it is.
  await expect(link).toBeVisible();
  const before = await size();
  expect(before[0]).toBeGreaterThan(200);
  release();
  await expect.poll(loaded).toBe(900);
  expect(await size()).toEqual(before);

  // Other rows may come at any time and move what is there: then it is looked at once more.
  await expect(async () => {
    gate = new Promise<void>((done) => (release = done));
    await page.goto(`/t/${threadId}?${Date.now()}`);
    await hydrated(page);
    await page.evaluate(() => {
      const seen = { shifts: 0 };
      Object.assign(window, { seen });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.shifts += (entry as PerformanceEntry & { value: number }).value;
      }).observe({ type: 'layout-shift' });
    });
    release();
    await expect.poll(loaded).toBe(900);
    const shifts = await page.evaluate(async () => {
      for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
      return (window as unknown as { seen: { shifts: number } }).seen.shifts;
    });
    expect(shifts).toBe(0);
  }).toPass();
});

test('a picture opens larger and closes by keyboard', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const text = unique('Two pictures');
  await stand.sandbox.answer(threadId, text, 'chat', [
    { fileName: 'one.png', base64: png(40, 30).toString('base64') },
    { fileName: 'two.png', base64: png(50, 30).toString('base64') },
  ]);
  await appears(page, scripted, text);
  const first = message(page, text).locator('.picture').first();
  await first.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Picture' });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole('img', { name: 'one.png' })).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await expect(dialog.getByRole('img', { name: 'two.png' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(first).toBeFocused();
  await expect(page).toHaveURL(new RegExp(`/t/${threadId}$`));
  // And by the pointer.
  await first.click();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(dialog).toBeHidden();
});

test('a picture that does not come says so, and comes when asked again', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(503));
  const threadId = await ask(page, scripted);
  await page.route(/attachment\?.*inline=1/, (route) => route.fulfill({ status: 503, body: '' }));
  const text = unique('Broken');
  await stand.sandbox.answer(threadId, text, 'chat', [{ fileName: 'lost.png', base64: png(40, 30).toString('base64') }]);
  await appears(page, scripted, text);
  const entry = message(page, text);
  await expect(entry.getByText('This picture cannot be shown.')).toBeVisible();
  await expect(entry.getByText('lost.png')).toBeVisible();
  await page.unroute(/attachment\?.*inline=1/);
  await entry.getByRole('button', { name: 'Try again' }).filter({ visible: true }).click();
  await expect.poll(() => entry.locator('img').evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(40);
  await expect(entry.getByText('This picture cannot be shown.')).toBeHidden();
});
