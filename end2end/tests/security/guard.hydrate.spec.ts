// The guard of all browser tests sees what it is there for.
import { ConsoleGuard } from '../../support/console.ts';
import { openForm } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('a broken policy, a foreign request and a dialog are seen', async ({ browser, stand }) => {
  const guard = new ConsoleGuard();
  guard.home(stand.portalUrl);
  // Breaches are nothing that a test can allow.
  guard.allow(/.*/);
  const context = await browser.newContext({ baseURL: stand.portalUrl });
  await guard.watch(context);
  const page = await context.newPage();
  await openForm(page, true);
  expect(guard.faults).toEqual([]);

  await page.evaluate(() => document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:1/pixel.png' })));
  await expect.poll(() => guard.faults).toContainEqual(expect.stringMatching(/^policy broken: img-src http:\/\/127\.0\.0\.1:1/));
  await page.evaluate(() => alert('hello'));
  await expect.poll(() => guard.faults).toContainEqual('dialog: hello');
  await page.goto(stand.sandbox.url);
  await expect.poll(() => guard.faults).toContainEqual(`request to ${stand.sandbox.url}/`);
  await context.close();
});
