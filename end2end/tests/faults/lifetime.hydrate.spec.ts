// Streams that the portal itself ends: too old, too many, nobody needs them.
import { statusLine } from '../../support/console.ts';
import { complete, expect, stream, test, visit } from '../../support/faults.ts';
import { composer, connectionState, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { cookieHeader, Stream, streamUrl } from '../../support/stream.ts';

test.describe('streams that live one second', () => {
  test.use({ settings: { HOTLINE_STREAM_LIFETIME_MS: '1000' } });

  test('are followed by the next without a gap', async ({ page, house }) => {
    const visitor = await visit(page, house);
    const said: string[] = [];
    for (let round = 1; round <= 4; round += 1) {
      const streams = house.proxy.count(stream);
      for (let count = 1; count <= 3; count += 1) said.push(await visitor.answered(unique(`Answer ${count} of round ${round}`)));
      await until('the next stream', async () => house.proxy.count(stream) > streams);
    }
    await complete(page, house, visitor, said);
    const streams = house.proxy.seen.filter(({ path }) => stream.test(path)).map(({ events }) => events);
    expect(streams.filter((events) => events.includes('"reason":"lifetime"')).length).toBeGreaterThanOrEqual(4);
    expect(streams.filter((events) => events.includes('"gap":true'))).toEqual([]);
  });
});

test.describe('more streams than one session may have', () => {
  // Only with limits on are streams counted; everything else is out of reach.
  test.use({ settings: { HOTLINE_RATE_LIMITS: 'on', HOTLINE_STREAM_PER_SESSION: '20', HOTLINE_RATE_STREAMS: '10000/1s' } });

  test('the oldest goes; a page that is looked at takes its place back', async ({ page, context, house }) => {
    const visitor = await visit(page, house);
    const cookie = await cookieHeader(context, house.portalUrl);
    const others: Stream[] = [];
    try {
      const streams = house.proxy.count(stream);
      // The page's own is the oldest of 21.
      for (let count = 1; count <= 20; count += 1) others.push(await Stream.open(streamUrl(house.directUrl, visitor.threadId), cookie));
      const said = [await visitor.answered(unique('Said while others crowd'))];
      await until('the page to come back', async () => house.proxy.count(stream) > streams);
      // For it, the oldest of the others went.
      await until('a goodbye', async () => others[0]?.frames.some(({ data }) => data.type === 'bye' && data.reason === 'replaced'));
      for (const other of others.slice(1)) expect(other.frames.map(({ data }) => data.type)).not.toContain('bye');
      said.push(await visitor.answered(unique('Said afterwards')));
      await connectionState(page, 'live');
      await complete(page, house, visitor, said);
    } finally {
      for (const other of others) other.close();
    }
  });
});

test('a conversation that was removed while the page could not hear it: it stops asking, and says why', async ({ page, house, guard }) => {
  guard.allow(statusLine(410));
  const visitor = await visit(page, house);
  house.proxy.fail(502);
  house.proxy.cut();
  await connectionState(page, 'reconnecting');
  await house.sandbox.deleteCustomerOf(visitor.threadId);
  house.proxy.heal();
  await connectionState(page, 'closed');
  await expect(page.getByRole('alert').filter({ hasText: 'removed' })).toBeVisible();
  await expect(composer(page)).toBeHidden();
  const streams = house.proxy.count(stream);
  await page.evaluate(() => {
    for (const name of ['online', 'focus', 'pageshow']) window.dispatchEvent(new Event(name));
    document.dispatchEvent(new Event('visibilitychange'));
  });
  // What it would ask would be asked before this is answered.
  await page.evaluate(async () => (await fetch('/livez')).text());
  expect(house.proxy.count(stream)).toBe(streams);
});
