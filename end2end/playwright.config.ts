import { existsSync } from 'node:fs';
import { defineConfig, devices, type Project } from '@playwright/test';

// A system Chromium if there is one, so that nothing need be downloaded; else Playwright's own.
const chromium = [process.env.HOTLINE_CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));

const phone = { viewport: { width: 375, height: 812 }, isMobile: true, hasTouch: true };

// Files named `*.hydrate.spec.ts` need script; all others must pass with script off, too.
const needsScript = '**/*.hydrate.spec.ts';
const story = ['journeys/**/*.spec.ts', 'realtime/**/*.spec.ts'];

const stories = ['http', 'desktop', 'phone', 'desktop, script off', 'phone, script off', 'pictures'];

// Lighthouse judges what is shipped, a release build, and alone: a debug bundle is thirty times as large.
const judges: Project[] =
  process.env.HOTLINE_PROFILE === 'release'
    ? [{ name: 'lighthouse', testMatch: 'lighthouse/**/*.spec.ts', dependencies: [...stories, 'measure'] }]
    : [];

const projects: Project[] = [
  { name: 'http', testMatch: ['http/**/*.spec.ts', 'sdk/**/*.spec.ts'] },
  { name: 'desktop', testMatch: [...story, 'everyone/**/*.spec.ts', 'security/**/*.spec.ts', 'faults/**/*.spec.ts', 'long/**/*.spec.ts'] },
  { name: 'phone', testMatch: story, use: phone },
  { name: 'desktop, script off', testMatch: [...story, 'everyone/**/*.spec.ts'], testIgnore: needsScript, use: { javaScriptEnabled: false } },
  { name: 'phone, script off', testMatch: story, testIgnore: needsScript, use: { ...phone, javaScriptEnabled: false } },
  { name: 'pictures', testMatch: 'pictures/**/*.spec.ts' },
  // Alone on the machine, or it would measure the other tests.
  { name: 'measure', testMatch: 'measure/**/*.spec.ts', dependencies: stories },
  ...judges,
  // Reads what all the others left in the servers' logs.
  { name: 'logs', testMatch: 'logs/**/*.spec.ts', dependencies: [...stories, 'measure', ...judges.map(({ name }) => name ?? '')] },
];

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  timeout: 60_000,
  // Generous: these wait for something to happen, they do not measure.
  expect: { timeout: 15_000 },
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  retries: 0,
  workers: process.env.CI ? 2 : undefined,
  reporter: process.env.CI ? [['list'], ['html', { open: 'never' }]] : 'list',
  use: {
    ...devices['Desktop Chrome'],
    locale: 'en-GB',
    timezoneId: 'UTC',
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: chromium,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects,
});
