// The same pages from right to left, in Arabic: for whoever changes the design.
import { join, resolve } from 'node:path';
import { embedded } from '../../support/hotline.ts';
import { openSettings, overhang } from '../../support/everyone.ts';
import { hydrated } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const folder = resolve(import.meta.dirname, '../../screenshots');

const asked = {
  name: 'ليلى حداد',
  email: 'layla@example.com',
  topic: 'problem',
  subject: 'التصدير يتوقف عند الصف 5000',
  message: 'منذ أمس يتوقف التصدير إلى CSV عند الصف 5000 مهما اخترت.\n\nالملف نفسه سليم. هل هناك حد جديد؟',
};

for (const width of [1280, 375]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`from right to left at ${width} px, ${colorScheme}`, async ({ browser, guard }, info) => {
      test.slow();
      const stand = await embedded(info.outputPath('server.log'));
      const context = await browser.newContext({
        baseURL: stand.portalUrl,
        viewport: { width, height: width > 600 ? 800 : 812 },
        deviceScaleFactor: width > 600 ? 1 : 2,
        colorScheme,
        reducedMotion: 'reduce',
        locale: 'ar',
        timezoneId: 'UTC',
      });
      try {
        guard.home(stand.portalUrl, stand.sandbox.url);
        await guard.watch(context);
        const page = await context.newPage();
        const take = async (name: string) => {
          await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
          expect(await overhang(page), name).toBeLessThanOrEqual(0);
          await page.screenshot({ path: join(folder, `${name}-ar-${width}-${colorScheme}.png`), animations: 'disabled', caret: 'hide' });
        };
        await page.goto('/');
        await hydrated(page);
        await take('form');
        await page.getByRole('button', { name: 'إرسال الطلب' }).click();
        await expect(page.locator('#email')).toHaveAttribute('aria-invalid', 'true');
        await take('form-errors');
        for (const [name, value] of Object.entries(asked)) {
          const control = page.locator(`[name=${name}]`);
          await (name === 'topic' ? control.selectOption(value) : control.fill(value));
        }
        await page.getByRole('button', { name: 'إرسال الطلب' }).click();
        await page.waitForURL(/\/t\/th_/);
        await hydrated(page);
        const threadId = new URL(page.url()).pathname.slice('/t/'.length);
        const answer = 'صباح الخير ليلى. وجدنا السبب: طُبّق حد المعاينة على التنزيل أيضًا.';
        await stand.sandbox.answer(threadId, answer);
        await expect(page.locator('li.message', { hasText: answer })).toBeVisible();
        await page.locator('#reply').fill('شكرًا! هل أبدأ من جديد؟ See https://example.com/export');
        await page.locator('.composer [type=submit]').click();
        await expect(page.locator('li.message', { hasText: 'شكرًا' })).toHaveAttribute('data-state', 'sent');
        await expect(page.locator('p.connection')).toHaveAttribute('data-state', 'live');
        await take('conversation');
        await page.goto('/threads');
        await expect(page.getByRole('main').locator('a[href^="/t/"]')).toHaveCount(1);
        await take('threads');
        await openSettings(page);
        await take('settings');
      } finally {
        await context.close();
        await stand.close();
      }
    });
  }
}
