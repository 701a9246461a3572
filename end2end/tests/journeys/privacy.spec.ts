import { statusLine } from '../../support/console.ts';
import { appears, ask, conversation, question, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { cookieHeader, messagesUrl, Stream, streamUrl } from '../../support/stream.ts';
import { expect, test } from '../../support/test.ts';

test('a thread that does not exist is a 404 page', async ({ page, guard }) => {
  guard.allow(statusLine(404));
  for (const path of ['/t/th_01KQS44ER0KVVBRC15MBB8ADPP', '/t/nonsense', '/t/th_%00', '/no-such-page']) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.getByRole('heading').first(), path).toBeVisible();
  }
});

test('a stranger gets 404 for page, messages and stream', async ({ page, scripted, stranger, stand, guard }) => {
  guard.allow(statusLine(404));
  const asked = question();
  const threadId = await ask(page, scripted, asked);
  // The stranger is a visitor with a session and a thread of their own, not just anybody.
  await ask(stranger, scripted);

  const answer = await stranger.goto(`/t/${threadId}`);
  expect(answer?.status()).toBe(404);
  await expect(stranger.getByText(asked.message)).toHaveCount(0);

  const cookie = await cookieHeader(stranger.context(), stand.portalUrl);
  for (const url of [messagesUrl(stand.portalUrl, threadId), streamUrl(stand.portalUrl, threadId)]) {
    const refused = await fetch(url, { headers: { Cookie: cookie, Accept: '*/*' } });
    expect(refused.status, url).toBe(404);
    const body = await refused.text();
    expect(JSON.parse(body), url).toMatchObject({ code: 'not_found', error: expect.any(String) });
    expect(body).not.toContain(asked.message);
  }
  const posted = await stranger.request.post(`/t/${threadId}`, {
    form: { threadId, text: 'I am not you', client_message_id: 'stranger-0001' },
    headers: { Origin: stand.portalUrl },
    maxRedirects: 0,
  });
  expect(posted.status()).toBe(404);
  expect(await stand.sandbox.chats(threadId)).toEqual([asked.message]);
});

test('without a session there is no stream', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  expect((await fetch(streamUrl(stand.portalUrl, threadId))).status).toBe(401);
});

test('the session cookie is out of reach of scripts and of other sites', async ({ page, scripted, stand }) => {
  await ask(page, scripted);
  const cookies = await page.context().cookies(stand.portalUrl);
  // Beside it stands the time zone, which the page itself tells the server.
  const session = cookies.filter(({ name }) => name !== 'hotline_tz');
  expect(session).toHaveLength(1);
  for (const cookie of session) expect(cookie).toMatchObject({ httpOnly: true, sameSite: expect.stringMatching(/^(Lax|Strict)$/) });
});

test('internal notes reach nobody: not the page, not the messages, not the stream', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const cookie = await cookieHeader(page.context(), stand.portalUrl);
  const stream = await Stream.open(streamUrl(stand.portalUrl, threadId), cookie);
  try {
    await until('the stream to connect', async () => stream.frames.some(({ data }) => data.type === 'connected'));
    const secret = unique('Customer is on the churn list');
    await stand.sandbox.note(threadId, secret);
    // What comes after the note has come, so the note would have, too.
    const answer = unique('Here is your answer');
    await stand.sandbox.answer(threadId, answer);
    await appears(page, scripted, answer);
    await until('the answer in the stream', async () => stream.raw.includes(answer));

    const json = await (await fetch(messagesUrl(stand.portalUrl, threadId), { headers: { Cookie: cookie } })).text();
    expect(json).toContain(answer);
    for (const [where, text] of Object.entries({ page: await page.content(), messages: json, stream: stream.raw })) {
      expect(text, where).not.toContain(secret);
      expect(text, where).not.toContain('note_created');
    }
    await expect(conversation(page).locator('li.message')).toHaveCount(2);
  } finally {
    stream.close();
  }
});
