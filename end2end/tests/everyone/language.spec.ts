// The page speaks the visitor's language: the browser's, or the one that was chosen.
import { conversationOf, openSettings } from '../../support/everyone.ts';
import { hydrated } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const choose = (page: import('@playwright/test').Page, name: string) => page.getByRole('button', { name, exact: true }).click();

test.describe('a browser that asks for German', () => {
  test.use({ locale: 'de-AT' });

  test('reads German', async ({ page }) => {
    await page.goto('/');
    await expect(page.locator('html')).toHaveAttribute('lang', 'de');
    await expect(page.getByRole('heading', { name: 'Wie können wir helfen?' })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Anfrage senden' })).toBeVisible();
  });

  test('is told in German what is missing', async ({ page, scripted }) => {
    await page.goto('/');
    if (scripted) await hydrated(page);
    await page.getByRole('button', { name: 'Anfrage senden' }).click();
    await expect(page.getByLabel('Betreff', { exact: true })).toHaveAccessibleDescription('Bitte geben Sie Ihrer Anfrage einen Betreff.');
    await expect(page.getByRole('alert').filter({ visible: true })).toHaveText('Bitte korrigieren Sie die markierten Felder.');
  });
});

test('the switch counts more than the browser, and is remembered', async ({ page, stand, scripted }) => {
  await page.goto('/threads');
  await openSettings(page);
  await choose(page, 'العربية');
  await expect(page).toHaveURL(/\/threads$/);
  await expect(page.locator('html')).toHaveAttribute('lang', 'ar');
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(page.getByRole('heading', { name: 'لا طلبات بعد' })).toBeVisible();

  const path = await conversationOf(page, stand);
  await page.goto(path);
  await expect(page.locator('html')).toHaveAttribute('lang', 'ar');
  if (scripted) {
    await hydrated(page);
    // What the tab says by itself is Arabic as well.
    await expect(page.locator('p.connection')).toHaveText(/مباشر/);
    await expect(page.locator('.day time')).toHaveText(/اليوم/);
  }
  // From right to left: the visitor's own words stand on the left, the button of the box at its left end.
  const own = page.locator('li.message', { hasText: '4712' }).locator('.bubble');
  const box = await own.boundingBox();
  const list = await page.locator('.timeline').boundingBox();
  expect(box && list && box.x - list.x < list.x + list.width - (box.x + box.width)).toBe(true);
  const [reply, send] = [await page.locator('#reply').boundingBox(), await page.locator('.composer [type=submit]').boundingBox()];
  expect(reply && send && send.x < reply.x).toBe(true);

  await openSettings(page);
  await choose(page, 'English');
  await expect(page).toHaveURL(new RegExp(`${path}$`));
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
});

test.describe('a dark system', () => {
  test.use({ colorScheme: 'dark' });

  test('is followed until a visitor chooses', async ({ page }) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const bars = () => page.evaluate(() => {
      const metas = [...document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')];
      return metas.filter(({ media }) => !media || matchMedia(media).matches).map(({ content }) => content);
    });
    await page.goto('/');
    const dark = await ground();
    expect(await bars()).toEqual(['#1b1918']);
    await openSettings(page);
    await choose(page, 'Light');
    const root = page.locator('html');
    await expect(root).toHaveAttribute('data-theme', 'light');
    // Also what the browser draws: scroll bars and the list of a select box.
    await expect(root).toHaveCSS('color-scheme', 'light');
    const light = await ground();
    expect(light).not.toBe(dark);
    expect(await bars()).toEqual(['#ffffff']);
    await page.goto('/threads');
    expect(await ground()).toBe(light);
    await openSettings(page);
    await choose(page, 'Automatic');
    await expect(root).not.toHaveAttribute('data-theme', /.*/);
    await expect(root).toHaveCSS('background-color', dark);
  });
});
