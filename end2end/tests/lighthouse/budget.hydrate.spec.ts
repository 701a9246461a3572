// What a first visit to a conversation loads of script: a budget for what is shipped.
import { conversationOf } from '../../support/everyone.ts';
import { hydrated } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

/** Bytes as they travel. */
const budget = 95_000;

test('script and WASM of a conversation stay within 95 KB', async ({ browser, stand }, info) => {
  const context = await browser.newContext({ baseURL: stand.portalUrl });
  const path = await conversationOf(await context.newPage(), stand);
  const first = await browser.newContext({ baseURL: stand.portalUrl, storageState: await context.storageState() });
  const page = await first.newPage();
  const loaded = new Map<string, Promise<number>>();
  page.on('requestfinished', (request) => {
    const { pathname } = new URL(request.url());
    if (/\.(js|wasm)$/.test(pathname)) loaded.set(pathname, request.sizes().then(({ responseBodySize }) => responseBodySize));
  });
  await page.goto(path);
  await hydrated(page);
  const files = await Promise.all([...loaded].map(async ([path, size]) => [path.replace(/.*\//, ''), await size] as const));
  const sum = files.reduce((sum, [, size]) => sum + size, 0);
  console.log(`First load: ${files.map(([file, size]) => `${file} ${size}`).join(', ')}; ${sum} bytes`);
  info.annotations.push({ type: 'first load', description: `${sum} bytes` });
  expect(files.map(([file]) => file)).toEqual(expect.arrayContaining(['hotline.js', 'hotline.wasm']));
  expect(sum).toBeGreaterThan(10_000);
  expect(sum).toBeLessThanOrEqual(budget);
  await context.close();
  await first.close();
});
