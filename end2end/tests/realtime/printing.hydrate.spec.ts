// Printing takes script: it fetches what is not shown yet, then asks the browser to print.
import { ask, conversation, hydrated } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('the whole conversation is there before it is printed', async ({ page, stand }) => {
  const threadId = await ask(page, true);
  for (let count = 1; count <= 70; count += 1) await stand.sandbox.answer(threadId, `Line ${count}.`);
  await page.addInitScript(() => {
    window.print = () => {
      const shown = document.querySelectorAll('li.message .bubble__text').length;
      document.documentElement.dataset.printed = String(shown);
    };
  });
  await page.goto(`/t/${threadId}`);
  await hydrated(page);
  await page.locator('.menu__button').click();
  await page.getByRole('button', { name: 'Print' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-printed', '71');
  await expect(page.locator('.menu[open]')).toHaveCount(0);
  await expect(conversation(page).locator('li.message .bubble__text')).toHaveCount(71);
});
