// The portal itself fails, or is replaced by the next one.
import { complete, expect, impatient, test, visit } from '../../support/faults.ts';
import { connectionState, markDocument, message, reply, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { cookieHeader, Stream, streamUrl } from '../../support/stream.ts';

test.describe('a portal that stands still', () => {
  test.use({ settings: impatient });

  test('is noticed, and what was said meanwhile is shown once', async ({ page, house }) => {
    const visitor = await visit(page, house);
    const sameDocument = await markDocument(page);
    house.portal.suspend();
    await connectionState(page, 'reconnecting');
    const said = [await visitor.answered(unique('Said to a portal that sleeps'))];
    house.portal.wake();
    await connectionState(page, 'live');
    said.push(await visitor.answered(unique('Said to one that is awake')));
    await expect(message(page, said[1] as string)).toHaveCount(1);
    await sameDocument();
    await complete(page, house, visitor, said);
  });
});

test('a portal that is killed: a reply says that it was not sent, and is sent once by the next', async ({ page, house }) => {
  const visitor = await visit(page, house);
  const sameDocument = await markDocument(page);
  await house.portal.stop('SIGKILL');
  const mine = unique('Is anybody there?');
  await reply(page, mine);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'queued');
  await connectionState(page, 'reconnecting');
  const said = [await visitor.answered(unique('Said while you were away'))];

  await house.portal.start();
  await connectionState(page, 'live');
  await expect(message(page, said[0] as string)).toHaveCount(1);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
  await sameDocument();
  await complete(page, house, visitor, [...said, mine]);
});

test('a deploy: the old instance says goodbye and ends with open streams, the page goes on at the next', async ({ page, context, house }) => {
  const visitor = await visit(page, house);
  const sameDocument = await markDocument(page);
  const said = [await visitor.answered(unique('Said before the deploy'))];
  await expect(message(page, said[0] as string)).toHaveCount(1);
  const witness = await Stream.open(streamUrl(house.directUrl, visitor.threadId), await cookieHeader(context, house.portalUrl));
  await until('the stream to begin', async () => witness.frames.length > 0);

  const next = await house.another();
  house.proxy.leadTo(next.url);
  const ended = house.portal.stop('SIGTERM');
  await until('a goodbye', async () => witness.frames.some(({ data }) => data.type === 'bye'));
  expect(witness.frames.at(-1)?.data).toMatchObject({ type: 'bye', reason: 'restart' });
  expect(witness.frames.at(-1)?.data.afterMs).toBeGreaterThan(0);
  said.push(await visitor.answered(unique('Said in between')));
  // By itself, not by force: every stream has ended.
  await ended;
  expect(house.portal.ended).toEqual({ code: 0, signal: null });
  await expect(message(page, said[1] as string)).toHaveCount(1);
  await connectionState(page, 'live');
  const mine = unique('I did not notice anything');
  await reply(page, mine);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
  expect(house.proxy.seen.filter(({ status }) => status === 502)).toEqual([]);
  await sameDocument();
  await complete(page, house, visitor, [...said, mine]);
});
