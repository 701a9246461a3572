// Lighthouse's four categories on the two pages that visitors live in.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { chromium } from '@playwright/test';
import lighthouse from 'lighthouse';
import { conversationOf } from '../../support/everyone.ts';
import { hydrated } from '../../support/pages.ts';
import { freePort } from '../../support/process.ts';
import { expect, test } from '../../support/test.ts';

const wanted = ['performance', 'accessibility', 'best-practices', 'seo'] as const;

test('form and conversation reach 95 in every category', async ({ stand }, info) => {
  test.setTimeout(300_000);
  const port = await freePort();
  const browser = await chromium.launch({
    executablePath: info.project.use.launchOptions?.executablePath,
    args: [...(info.project.use.launchOptions?.args ?? []), `--remote-debugging-port=${port}`],
  });
  try {
    // Lighthouse works in the browser's own context, so that is where the conversation's cookie must be.
    const context = browser.contexts()[0] ?? (await browser.newContext({ baseURL: stand.portalUrl }));
    const page = await context.newPage();
    const path = await conversationOf(page, stand);
    await page.goto(path);
    await hydrated(page);
    const cookies = await context.cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    await page.close();
    for (const [name, url] of [['form', '/'], ['conversation', path]] as const) {
      const result = await lighthouse(
        `${stand.portalUrl}${url}`,
        { port, output: 'html', logLevel: 'error', extraHeaders: { Cookie: cookie } },
        { extends: 'lighthouse:default', settings: { onlyCategories: [...wanted] } },
      );
      const report = info.outputPath(`${name}.html`);
      mkdirSync(dirname(report), { recursive: true });
      writeFileSync(report, result?.report as string);
      if (!result) throw new Error(`no report on ${name}`);
      const { categories, audits } = result.lhr;
      const scores = Object.fromEntries(wanted.map((id) => [id, Math.round((categories[id]?.score ?? 0) * 100)]));
      console.log(`${name}: ${JSON.stringify(scores)}`);
      info.annotations.push({ type: name, description: JSON.stringify(scores) });
      const faults = Object.values(audits)
        .filter(({ score }) => score !== null && score < 0.9)
        .map(({ id, displayValue }) => `${id} ${displayValue ?? ''}`);
      for (const id of wanted) {
        // A page behind a visitor's cookie is in no index; that it says so is right.
        expect.soft(scores[id], `${name}, ${id}: ${faults.join(', ')}`).toBeGreaterThanOrEqual(95);
      }
    }
  } finally {
    await browser.close();
  }
});
