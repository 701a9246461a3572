// From the webhook at the portal's door to the text on the visitor's screen. Measures and reports; asserts only
// that everything arrived, because how fast a machine is says nothing about whether the program is right.
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { apart } from '../../support/hotline.ts';
import { ask, connectionState, message, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { Receiver } from '../../support/receiver.ts';
import { expect, test } from '../../support/test.ts';

const events = 50;
const now = () => performance.timeOrigin + performance.now();

/** Posts a webhook on, unchanged; gives the moment at which it was sent. */
function forward(url: string, delivery: { headers: import('node:http').IncomingHttpHeaders; body: string }): Promise<{ sentAt: number; status: number }> {
  return new Promise((done, failed) => {
    const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...headers } = delivery.headers;
    const post = request(url, { method: 'POST', headers }, (answer) => {
      answer.resume();
      answer.once('end', () => done({ sentAt, status: answer.statusCode ?? 502 }));
    });
    post.once('error', failed);
    const sentAt = now();
    post.end(delivery.body);
  });
}

const quantile = (sorted: number[], q: number) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] as number;

test(`${events} answers, from webhook to screen`, async ({ browser, scripted, guard }, info) => {
  test.setTimeout(180_000);
  const sentAt = new Map<string, number>();
  let target = '';
  // Stands between sandbox and portal like a tunnel, to know when each webhook goes in.
  const tunnel = new Receiver(async (delivery) => {
    const sent = await forward(target, delivery);
    const text = (JSON.parse(delivery.body) as { payload: { chat?: { text: string } } }).payload.chat?.text;
    if (text) sentAt.set(text, sent.sentAt);
    return sent.status;
  });
  const webhookUrl = async (direct: string) => {
    target = direct;
    return tunnel.listen();
  };
  const stand = await apart(join(info.outputDir, 'latency.log'), { webhookUrl });
  const context = await browser.newContext({ baseURL: stand.portalUrl });
  guard.home(stand.portalUrl, stand.sandbox.url);
  await guard.watch(context);
  try {
    const page = await context.newPage();
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await page.evaluate(() => {
      const seen: Record<string, number> = {};
      Object.assign(window, { hotlineSeen: seen });
      const log = document.querySelector('[role=log]');
      if (!log) throw new Error('no conversation');
      new MutationObserver(() => {
        const at = performance.timeOrigin + performance.now();
        for (const text of log.textContent?.match(/Measured answer \d+ [a-z]+-[0-9a-f]{8}/g) ?? []) seen[text] ??= at;
      }).observe(log, { childList: true, subtree: true, characterData: true });
    });

    const texts = Array.from({ length: events }, (_, at) => unique(`Measured answer ${at}`));
    for (const text of texts) {
      await stand.sandbox.answer(threadId, text);
      await until(text, async () => sentAt.has(text) && page.evaluate((wanted) => wanted in (window as unknown as { hotlineSeen: object }).hotlineSeen, text));
    }
    const seen = await page.evaluate(() => (window as unknown as { hotlineSeen: Record<string, number> }).hotlineSeen);
    for (const text of texts) await expect(message(page, text)).toHaveCount(1);

    const took = texts.map((text) => (seen[text] as number) - (sentAt.get(text) as number)).sort((a, b) => a - b);
    expect(took).toHaveLength(events);
    const round = (ms: number) => Math.round(ms * 10) / 10;
    const result = {
      what: 'webhook posted to the portal → text in the DOM, Chromium, loopback',
      events,
      medianMs: round(quantile(took, 0.5)),
      p95Ms: round(quantile(took, 0.95)),
      minMs: round(took[0] as number),
      maxMs: round(took[events - 1] as number),
      program: process.env.HOTLINE_BIN?.split('/').slice(-2).join('/'),
      cores: cpus().length,
      chromium: browser.version(),
    };
    mkdirSync(info.project.outputDir, { recursive: true });
    writeFileSync(join(info.project.outputDir, 'latency.json'), `${JSON.stringify(result, null, 2)}\n`);
    console.log(`    webhook → screen: median ${result.medianMs} ms, p95 ${result.p95Ms} ms (${events} events)`);
  } finally {
    await context.close();
    await stand.close();
    await tunnel.close();
  }
});
