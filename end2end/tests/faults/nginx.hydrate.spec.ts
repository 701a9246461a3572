// A stock nginx in front: it buffers answers, compresses, and cuts what is silent. Nobody tuned it for streams.
import { basename, join } from 'node:path';
import { expect, test as base } from '../../support/test.ts';
import { type Apart, apart } from '../../support/hotline.ts';
import { Nginx } from '../../support/nginx.ts';
import { complete, visit } from '../../support/faults.ts';
import { message, reply, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { cookieHeader, Stream, streamUrl } from '../../support/stream.ts';

interface NginxFixtures {
  directives: string;
  settings: Record<string, string>;
  house: Apart;
}

const test = base.extend<NginxFixtures>({
  directives: ['', { option: true }],
  settings: [{}, { option: true }],
  house: async ({ guard, directives, settings }, use, info) => {
    info.setTimeout(180_000);
    let nginx: Nginx | undefined;
    const front = async (direct: string) => {
      nginx = await Nginx.start(direct, directives);
      return nginx.url;
    };
    try {
      const stand = await apart(join(info.outputDir, `${basename(info.file, '.ts')}.log`), { front, settings });
      guard.home(stand.portalUrl, stand.sandbox.url);
      await use(stand);
      await stand.close();
    } finally {
      await nginx?.close();
    }
  },
  baseURL: async ({ house }, use) => use(house.portalUrl),
});

test('page, stream and reply work through it', async ({ page, house }) => {
  const visitor = await visit(page, house);
  const said: string[] = [];
  for (let count = 1; count <= 3; count += 1) {
    said.push(await visitor.answered(unique(`Answer ${count}`)));
    // Shown before the next one is written: none waits in a buffer for the others.
    await expect(message(page, said.at(-1) as string)).toHaveCount(1);
  }
  const mine = unique('Thank you all');
  await reply(page, mine);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
  expect((await visitor.witness.seen()).states).toEqual(['live']);
  await complete(page, house, visitor, [...said, mine]);
});

for (const [title, directives, encoding] of [
  ['as it comes', '', null],
  // It does so whatever the answer says; then each event has to come out of the compressor, too.
  ['told to compress everything', 'gzip_types *; gzip_proxied any; gzip_min_length 0;', 'gzip'],
] as const) {
  test.describe(title, () => {
    test.use({ directives });

    test('each event leaves it before the next one is made', async ({ page, context, house }) => {
      const visitor = await visit(page, house);
      const cookie = await cookieHeader(context, house.portalUrl);
      const url = streamUrl(house.portalUrl, visitor.threadId);
      const head = await fetch(url, { headers: { Cookie: cookie, 'Accept-Encoding': 'gzip, br' } });
      await head.body?.cancel();
      expect(head.headers.get('server')).toMatch(/^nginx/);
      expect(head.headers.get('content-type')).toBe('text/event-stream');
      expect(head.headers.get('content-encoding')).toBe(encoding);
      expect(head.headers.get('cache-control')).toContain('no-transform');
      // Said to nginx, which obeys and keeps it for itself.
      expect(head.headers.get('x-accel-buffering')).toBeNull();

      const follower = await Stream.open(url, cookie);
      try {
        await until('the first words', async () => follower.frames[0]?.data.type === 'connected');
        for (let count = 1; count <= 3; count += 1) {
          const text = await visitor.answered(unique(`Event ${count}`));
          await until('the event', async () => follower.raw.includes(text));
        }
        expect(follower.raw).not.toContain('broken off');
      } finally {
        follower.close();
      }
    });
  });
}

test.describe('impatient', () => {
  test.use({ directives: 'proxy_read_timeout 3s; send_timeout 3s;', settings: { HOTLINE_STREAM_HEARTBEAT_MS: '200' } });

  test('heartbeats keep an idle stream open', async ({ page, context, house }) => {
    const visitor = await visit(page, house);
    const follower = await Stream.open(streamUrl(house.portalUrl, visitor.threadId), await cookieHeader(context, house.portalUrl));
    try {
      // They take longer than nginx would wait for one.
      await until('heartbeats', async () => follower.frames.filter(({ data }) => data.type === 'heartbeat').length >= 25);
      const text = await visitor.answered(unique('Still the same stream'));
      await until('the event', async () => follower.raw.includes(text));
      expect(follower.raw).not.toContain('broken off');
    } finally {
      follower.close();
    }
  });
});
