// axe finds nothing on any page: in both appearances, from left to right and from right to left.
import { AxeBuilder } from '@axe-core/playwright';
import { everyPage, openSettings } from '../../support/everyone.ts';
import { statusLine } from '../../support/console.ts';
import { expect, test } from '../../support/test.ts';

for (const locale of ['en-GB', 'ar']) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${locale}, ${colorScheme}`, () => {
      // What fades in is pale while it does.
      test.use({ locale, colorScheme, contextOptions: { reducedMotion: 'reduce' } });

      test('axe finds no violation', async ({ page, stand, guard, scripted }) => {
        test.slow();
        guard.allow(statusLine(403), statusLine(404));
        const check = async (name: string) => {
          await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {}))));
          const { violations, passes } = await new AxeBuilder({ page }).analyze();
          const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`);
          expect(told, name).toEqual([]);
          expect(passes.length, name).toBeGreaterThan(10);
        };
        await everyPage(page, stand, scripted, check);
        await openSettings(page);
        await check('settings');
      });
    });
  }
}
