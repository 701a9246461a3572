// The back/forward cache: a page that was left stands still as it was, and comes back as it was.
import { complete, expect, stream, test, visit } from '../../support/faults.ts';
import { connection, markDocument, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';

// Playwright switches it off, unless told otherwise.
test.use({
  launchOptions: async ({ launchOptions }, use) => use({ ...launchOptions, ignoreDefaultArgs: ['--disable-back-forward-cache'] }),
});

test('a page that comes back as it was opens its stream again and catches up', async ({ page, house, guard }) => {
  // Chromium keeps no page that says `no-store`; Safari does.
  house.proxy.strip(/^\/(t\/.*)?$/, 'cache-control');
  const visitor = await visit(page, house);
  const sameDocument = await markDocument(page);
  await page.evaluate(() => {
    window.addEventListener('pageshow', ({ persisted }) => console.log(`shown, ${persisted ? 'kept' : 'new'}`));
  });
  const before = house.proxy.count(stream);
  await page.goto('/threads');
  const said = [await visitor.answered(unique('Said while you looked elsewhere'))];
  // It never loads again, so that is not waited for.
  await page.goBack({ waitUntil: 'commit' });
  await until('the page to come back as it was', async () => guard.lines.includes('shown, kept'));
  await until('a new stream', async () => house.proxy.count(stream) > before);
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
  said.push(await visitor.answered(unique('Said afterwards')));
  await sameDocument();
  await complete(page, house, visitor, said);
});
