// Files from the visitor, and what is shown in its place; with script and without.
import { statusLine } from '../../support/console.ts';
import { appears, ask, composer, message, sendButton, unique } from '../../support/pages.ts';
import { png, wav } from '../../support/picture.ts';
import { expect, test } from '../../support/test.ts';

const box = 'input[name=files]';

test('files go to the team with the message', async ({ page, scripted, stranger: desk, stand }) => {
  const threadId = await ask(page, scripted);
  const text = unique('Both are here');
  await composer(page).fill(text);
  await page.locator(box).setInputFiles([
    { name: 'screen.png', mimeType: 'image/png', buffer: png(64, 48) },
    { name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from('row;value\n1;2\n') },
  ]);
  if (scripted) await expect(page.locator('.upload[data-state=done]')).toHaveCount(2);
  await sendButton(page).click();
  await appears(page, scripted, text);
  // Shown as soon as the desk has it: the picture itself, the other file as a card.
  const files = message(page, text).getByRole('list', { name: 'Attachments' });
  await expect(files.getByRole('img', { name: 'screen.png' })).toBeVisible();
  await expect.poll(() => files.getByRole('img').evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(64);
  await expect(files.getByRole('link', { name: /rows\.csv/ })).toContainText('14 B');
  await expect(page.locator('.upload')).toHaveCount(0);

  await desk.goto(`${stand.sandbox.url}/threads/${threadId}`);
  await expect(desk.getByRole('link', { name: 'rows.csv' })).toBeVisible();
  await expect.poll(() => desk.locator('.file img').evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(64);
});

test('a refused file keeps the message', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(422));
  const threadId = await ask(page, scripted);
  const text = unique('Still here');
  await composer(page).fill(text);
  await page.locator(box).setInputFiles({ name: 'setup.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ') });
  if (!scripted) await sendButton(page).click();
  await expect(page.getByRole('alert').filter({ hasText: /cannot be sent/ })).toBeVisible();
  await expect(composer(page)).toHaveValue(text);
  expect(await stand.sandbox.chats(threadId)).not.toContain(text);
  // Sent without it.
  await sendButton(page).click();
  await appears(page, scripted, text);
});

test('sound plays in its place', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const text = unique('Listen');
  await stand.sandbox.answer(threadId, text, 'chat', [{ fileName: 'beep.wav', base64: wav().toString('base64') }]);
  await appears(page, scripted, text);
  const player = message(page, text).locator('audio');
  await expect(player).toHaveAttribute('preload', 'none');
  await expect(player).toHaveAttribute('src', /inline=1$/);
  if (scripted) {
    const seconds = player.evaluate(async (audio: HTMLAudioElement) => {
      audio.muted = true;
      await audio.play();
      return audio.duration;
    });
    expect(await seconds).toBeCloseTo(1, 1);
  }
});
