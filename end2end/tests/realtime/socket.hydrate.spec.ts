// The story once more with HOTLINE_TRANSPORT=websocket.
import type { Page } from '@playwright/test';
import { connectionLines } from '../../support/console.ts';
import { apart, type Apart } from '../../support/hotline.ts';
import { ask, composer, connectionState, hydrated, markDocument, message, reply, retryButton, unique } from '../../support/pages.ts';
import { agentTypes } from '../../support/signals.ts';
import { test as base, expect } from '../../support/test.ts';

const test = base.extend<{ socketed: Apart }>({
  socketed: async ({ guard }, use, info) => {
    const stand = await apart(`${info.outputDir}/socket.log`, { settings: { HOTLINE_TRANSPORT: 'websocket' } });
    guard.home(stand.portalUrl, stand.sandbox.url);
    await use(stand);
    await stand.close();
  },
  baseURL: async ({ socketed }, use) => use(socketed.portalUrl),
});

/** What a tab sends by an ordinary request instead. */
function repliesByRequest(page: Page): string[] {
  const urls: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/api/support/reply')) urls.push(request.url());
  });
  return urls;
}

test('a visitor asks, an agent answers, the visitor replies, over a socket', async ({ page, context, scripted, socketed, guard }) => {
  guard.allow(...connectionLines);
  const sockets: string[] = [];
  const said: string[] = [];
  page.on('websocket', (socket) => {
    sockets.push(new URL(socket.url()).pathname);
    socket.on('framesent', ({ payload }) => said.push(String(payload)));
  });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await expect(page.locator('main')).toHaveAttribute('data-transport', 'websocket');
  expect(sockets).toEqual(['/api/support/ws']);
  const sameDocument = await markDocument(page);

  const answer = unique('Over the socket.');
  await socketed.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toHaveCount(1);
  await agentTypes(socketed, threadId, 'Ines');
  await expect(page.locator('p.typing')).toHaveText('Ines is typing…');
  await composer(page).pressSequentially('Thank');
  await expect.poll(() => said.join()).toContain('"typing":true');
  const requests = repliesByRequest(page);
  const text = unique('Thank "you"!');
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  expect(said.map((words) => JSON.parse(words)).filter(({ type }) => type === 'reply')).toMatchObject([{ threadId, text }]);
  expect(requests).toEqual([]);
  expect((await socketed.sandbox.chats(threadId)).filter((chat) => chat === text)).toHaveLength(1);

  // Another tab of the same browser listens to this one.
  const second = await context.newPage();
  await second.goto(`/t/${threadId}`);
  await hydrated(second);
  await connectionState(second, 'live');

  await socketed.portal.stop('SIGKILL');
  await connectionState(page, 'reconnecting');
  const missed = unique('Answered while you were away');
  await socketed.sandbox.answer(threadId, missed);
  await socketed.portal.start();
  await connectionState(page, 'live');
  await expect(message(page, missed)).toHaveCount(1);
  await expect(message(second, missed)).toHaveCount(1);
  await sameDocument();
});

test('where no socket opens, the stream is used', async ({ page, scripted, socketed, guard }) => {
  guard.allow(...connectionLines, /WebSocket connection to .* failed/);
  await page.routeWebSocket('**/api/support/ws?*', (socket) => socket.close());
  const streams: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/api/support/stream') streams.push(request.url());
  });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  expect(streams.length).toBeGreaterThan(0);
  const answer = unique('By the stream, then.');
  await socketed.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toHaveCount(1);
});

test('what is refused over the socket says why, and goes with the next try', async ({ page, scripted, socketed, guard }) => {
  guard.allow(...connectionLines);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const requests = repliesByRequest(page);
  await socketed.sandbox.faults({ graphql: { status: 500 } });
  const [first, second] = [unique('First'), unique('Second')];
  for (const text of [first, second]) {
    await reply(page, text);
    await expect(message(page, text)).toHaveAttribute('data-state', 'failed');
  }
  await socketed.sandbox.faults({});
  await retryButton(message(page, second)).click();
  await expect(message(page, second)).toHaveAttribute('data-state', 'sent');
  await retryButton(message(page, first)).click();
  await expect(message(page, first)).toHaveAttribute('data-state', 'sent');
  expect((await socketed.sandbox.chats(threadId)).slice(1)).toEqual([second, first]);
  expect(requests).toEqual([]);
});

test('a reply whose answer is lost with the socket goes by a request too, and arrives once', async ({ page, scripted, socketed, guard }) => {
  guard.allow(...connectionLines);
  let lost = 0;
  await page.routeWebSocket('**/api/support/ws?*', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((words) => {
      if (!String(words).includes('"type":"ack"')) return socket.send(words);
      lost += 1;
      void server.close();
      void socket.close();
    });
  });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const requests = repliesByRequest(page);
  const texts = [unique('One'), unique('Two')];
  for (const text of texts) await reply(page, text);
  for (const text of texts) await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  expect(lost).toBeGreaterThan(0);
  expect(requests.length).toBeGreaterThan(0);
  expect((await socketed.sandbox.chats(threadId)).slice(1)).toEqual(texts);
});
