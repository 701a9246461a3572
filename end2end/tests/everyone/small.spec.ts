// Small screens and large letters: 320 px, which is also 1280 px at 400 %.
import { everyPage, languages, openSettings, overhang } from '../../support/everyone.ts';
import { statusLine } from '../../support/console.ts';
import { expect, test } from '../../support/test.ts';

for (const locale of languages) {
  test.describe(`320 px, ${locale}`, () => {
    test.use({ locale, viewport: { width: 320, height: 568 }, isMobile: false });

    test('nothing scrolls sideways', async ({ page, stand, guard, scripted }) => {
      guard.allow(statusLine(403), statusLine(404));
      await everyPage(page, stand, scripted, async (name) => {
        expect(await overhang(page), name).toBeLessThanOrEqual(0);
      });
      await openSettings(page);
      expect(await overhang(page), 'settings').toBeLessThanOrEqual(0);
      const panel = await page.locator('#settings').boundingBox();
      expect(panel && panel.x >= 0 && panel.x + panel.width <= 320).toBe(true);
    });
  });
}

test.describe('400 %', () => {
  test.use({ viewport: { width: 320, height: 256 } });

  test('the reply box stays in view', async ({ page, stand, guard, scripted }) => {
    guard.allow(statusLine(403), statusLine(404));
    await everyPage(page, stand, scripted, async (name) => {
      expect(await overhang(page), name).toBeLessThanOrEqual(0);
    });
    await expect(page.locator('#reply')).toBeInViewport({ ratio: 1 });
  });
});

// A keyboard on the screen takes half of it: the page is as high as what is left.
test.describe('with a keyboard on the screen', () => {
  test.use({ viewport: { width: 375, height: 812 } });

  test('the reply box stays above it', async ({ page, stand, guard, scripted }) => {
    guard.allow(statusLine(403), statusLine(404));
    await everyPage(page, stand, scripted, async () => {});
    await page.setViewportSize({ width: 375, height: 420 });
    await expect(page.locator('#reply')).toBeInViewport({ ratio: 1 });
    await expect(page.locator('.composer [type=submit]')).toBeInViewport({ ratio: 1 });
    expect(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight)).toBe(true);
  });
});
