// Without script the link is always shown; with script only where it cannot be copied.
import { ask, composer } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('without a clipboard the link is shown, ready to be copied', async ({ page, scripted, stranger, stand }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  const threadId = await ask(page, scripted);
  const linkField = page.getByLabel('Link to this conversation');
  await expect(linkField).toBeHidden();
  await composer(page).fill('Half a sentence');
  await page.getByRole('button', { name: 'Copy link' }).click();
  await expect(linkField).toBeVisible();
  await expect(page.locator('.share__said')).toHaveText(/^Copy this link\. It works once, until /);
  const [selected, link] = await linkField.evaluate((field: HTMLInputElement) => [
    field.value.slice(field.selectionStart ?? 0, field.selectionEnd ?? 0),
    field.value,
  ]);
  expect(selected).toBe(link);
  await expect(composer(page)).toHaveValue('Half a sentence');
  await stranger.goto(String(link));
  await expect(stranger).toHaveURL(`${stand.portalUrl}/t/${threadId}`);
});
