// Nothing personal in the logs of the whole run: no address, no message, nothing that opens a door.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@playwright/test';
import { webhookSecret } from '../../support/hotline.ts';
import { marker } from '../../support/pages.ts';

const forbidden: Record<string, RegExp> = {
  'an e-mail address': /[\w.+-]+@[\w-]+(\.[\w-]+)+/,
  'what somebody wrote': new RegExp(`${marker}|Lovelace|Export stops at row|Message number \\d`, 'i'),
  // Cookies begin with the same letters: those of `{"s":"` in base64.
  'a session': /eyJzIjoi|hotline=[\w.-]{16,}/,
  'a signature': /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])|[?&]signature=/i,
  'a key or a secret': new RegExp(`plainApiKey_|Bearer |${webhookSecret}`),
};

/** All server logs below a folder. */
function logs(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith('.log')).map((entry) => join(entry.parentPath, entry.name));
}

test('the logs of this run tell the way and not the words', async ({}, info) => {
  const folder = info.project.outputDir;
  const files = logs(folder);
  expect(files.filter((file) => relative(folder, file).startsWith('logs')).length, 'logs of workers').toBeGreaterThan(0);
  const lines = files.flatMap((file) => {
    const text = stripVTControlCharacters(readFileSync(file, 'utf8'));
    return text.split('\n').map((line) => ({ file: relative(folder, file), line }));
  });
  // They are the logs of a portal that had work to do.
  for (const words of ['Portal: ', 'opened a request', 'Received Plain webhook', 'Emitted event', 'handed out a file']) {
    expect(lines.some(({ line }) => line.includes(words)), words).toBe(true);
  }
  for (const [what, pattern] of Object.entries(forbidden)) {
    const found = lines.filter(({ line }) => pattern.test(line));
    expect(found.slice(0, 5), what).toEqual([]);
  }
});
