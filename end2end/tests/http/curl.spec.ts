// The whole story with nothing but curl: forms, redirects, cookies and the stream are plain HTTP.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../../support/process.ts';
import { question, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const run = promisify(execFile);

interface Answer {
  status: number;
  location: string;
  body: string;
}

/** A visitor at a command line, with a cookie jar. */
class Curl {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hotline-curl-'));

  async get(url: string, ...more: string[]): Promise<Answer> {
    const jar = join(this.#folder, 'cookies');
    const { stdout } = await run('curl', ['-sS', '-b', jar, '-c', jar, '-w', '\n%{http_code} %{redirect_url}', ...more, url]);
    const end = stdout.lastIndexOf('\n');
    const [status, location] = stdout.slice(end + 1).split(' ');
    return { status: Number(status), location: location ?? '', body: stdout.slice(0, end) };
  }

  post(url: string, fields: Record<string, string>): Promise<Answer> {
    return this.get(url, ...Object.entries(fields).flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`]));
  }

  /** A stream, headers first, until `end`. */
  follow(url: string): { output(): string; end(): void } {
    const child = spawn('curl', ['-sSN', '-b', join(this.#folder, 'cookies'), '-D', '-', url]);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    return { output: () => output, end: () => void child.kill() };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

const unescape = (html: string) =>
  html.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&#x27;|&#39;/g, "'").replace(/&amp;/g, '&');

/** The hidden fields of the form that has a field with this name. */
function hiddenFields(html: string, withField: string): Record<string, string> {
  const form = (html.match(/<form\b[\s\S]*?<\/form>/g) ?? []).find((text) => text.includes(`name="${withField}"`));
  if (!form) throw new Error(`no form with a field "${withField}"`);
  const attribute = (tag: string, name: string) => unescape(tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? '');
  return Object.fromEntries(
    (form.match(/<input\b[^>]*>/g) ?? [])
      .filter((tag) => attribute(tag, 'type') === 'hidden')
      .map((tag) => [attribute(tag, 'name'), attribute(tag, 'value')]),
  );
}

let curl: Curl;
test.beforeEach(() => {
  curl = new Curl();
});
test.afterEach(() => curl.close());

test('ask, read, be answered, reply, list: by curl', async ({ stand: { portalUrl, sandbox } }) => {
  const asked = question();
  const form = await curl.get(`${portalUrl}/`);
  expect(form.status).toBe(200);

  const opened = await curl.post(`${portalUrl}/`, { ...hiddenFields(form.body, 'subject'), ...asked });
  expect(opened.status).toBe(303);
  expect(opened.location).toMatch(/\/t\/th_[0-9A-Z]{26}$/);
  const threadId = opened.location.split('/').pop() as string;
  expect(await sandbox.chats(threadId)).toEqual([asked.message]);

  const page = await curl.get(opened.location);
  expect(page.status).toBe(200);
  expect(unescape(page.body)).toContain(asked.message);

  const answer = unique('Answered from the desk');
  await sandbox.answer(threadId, answer);
  await until('the answer on the page', async () => (await curl.get(opened.location)).body.includes(answer));

  const text = unique('Replied by curl');
  const replied = await curl.post(opened.location, { ...hiddenFields(page.body, 'text'), text });
  expect(replied.status).toBe(303);
  expect(await sandbox.chats(threadId)).toContain(text);
  expect((await curl.get(replied.location)).body).toContain(text);

  const list = await curl.get(`${portalUrl}/threads`);
  expect(unescape(list.body)).toContain(asked.subject);
  expect(list.body).toContain(`/t/${threadId}`);
});

test('the stream by curl', async ({ stand: { portalUrl, sandbox } }) => {
  const form = await curl.get(`${portalUrl}/`);
  const opened = await curl.post(`${portalUrl}/`, { ...hiddenFields(form.body, 'subject'), ...question() });
  const threadId = opened.location.split('/').pop() as string;
  const stream = curl.follow(`${portalUrl}/api/support/stream?threadId=${threadId}`);
  try {
    await until('the connection', async () => stream.output().includes(`"type":"connected","threadId":"${threadId}"`));
    const answer = unique('Straight into the stream');
    await sandbox.answer(threadId, answer);
    await until('the answer', async () => stream.output().includes(answer));
    expect(stream.output()).toMatch(/content-type: text\/event-stream/i);
    expect(stream.output()).toMatch(/cache-control: [^\r\n]*no-store/i);
    expect(stream.output()).toMatch(/^retry: \d+$/m);
    expect(stream.output()).toContain('"eventType":"thread.chat_sent"');
  } finally {
    stream.end();
  }
});

test('faults come back with what was typed', async ({ stand: { portalUrl, sandbox } }) => {
  const form = await curl.get(`${portalUrl}/`);
  const asked = question({ email: 'nobody', message: 'Keep <this> & "that"' });
  const refused = await curl.post(`${portalUrl}/`, { ...hiddenFields(form.body, 'subject'), ...asked });
  expect(refused.status).toBe(422);
  const page = unescape(refused.body);
  expect(page).toContain('does not look like an e-mail address');
  for (const kept of [asked.name, asked.email, asked.subject, asked.message]) expect(page).toContain(kept);
  expect((await sandbox.threads()).some(({ title }) => title === asked.subject)).toBe(false);

  const corrected = await curl.post(`${portalUrl}/`, { ...hiddenFields(refused.body, 'subject'), ...asked, email: 'ada@example.com' });
  expect(corrected.status).toBe(303);
});

test('the same form sent twice opens one thread', async ({ stand: { portalUrl, sandbox } }) => {
  const asked = question();
  const form = await curl.get(`${portalUrl}/`);
  const fields = { ...hiddenFields(form.body, 'subject'), ...asked };
  const [first, second] = await Promise.all([curl.post(`${portalUrl}/`, fields), curl.post(`${portalUrl}/`, fields)]);
  expect([first.status, second.status]).toEqual([303, 303]);
  expect(second.location).toBe(first.location);
  expect((await sandbox.threads()).filter(({ title }) => title === asked.subject)).toHaveLength(1);
});

test('a form from another site is refused', async ({ stand: { portalUrl, sandbox } }) => {
  const asked = question();
  const form = await curl.get(`${portalUrl}/`);
  const fields = Object.entries({ ...hiddenFields(form.body, 'subject'), ...asked }).flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`]);
  for (const header of ['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site']) {
    expect((await curl.get(`${portalUrl}/`, '-H', header, ...fields)).status, header).toBe(403);
  }
  expect((await sandbox.threads()).some(({ title }) => title === asked.subject)).toBe(false);
});

test('webhooks that Plain did not send are refused', async ({ stand: { portalUrl } }) => {
  const url = `${portalUrl}/api/webhooks/plain`;
  const json = ['-H', 'Content-Type: application/json'];
  const unsigned = await curl.get(url, ...json, '--data', '{}');
  expect(unsigned.status).toBe(401);
  expect(JSON.parse(unsigned.body)).toMatchObject({ error: 'Invalid signature' });
  expect((await curl.get(url, ...json, '-H', 'Plain-Request-Signature: 00ff', '--data', '{}')).status).toBe(401);
  expect((await curl.get(url, '-H', 'Content-Type: text/plain', '--data', '{}')).status).toBe(415);
  expect((await curl.get(url, '-X', 'GET')).status).toBe(405);
});
