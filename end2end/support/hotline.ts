// The two ways to put portal and sandbox together.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, HotlineProcess } from './process.ts';
import { Sandbox } from './sandbox.ts';

const siteRoot = process.env.LEPTOS_SITE_ROOT ?? resolve(import.meta.dirname, '../../target/site');

/** What both sides sign webhooks with in these tests. */
export const webhookSecret = 'end-to-end-signing-secret';

/** What portals of one stand sign cookies with: each knows the others' visitors. */
const cookieSecret = 'end-to-end-cookie-secret';

function portalEnvironment(port: number, dataDir: string): Record<string, string> {
  return {
    LEPTOS_OUTPUT_NAME: 'hotline',
    LEPTOS_SITE_ROOT: siteRoot,
    LEPTOS_SITE_PKG_DIR: 'pkg',
    LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
    HOTLINE_PUBLIC_URL: `http://127.0.0.1:${port}`,
    HOTLINE_DATA_DIR: dataDir,
    HOTLINE_RATE_LIMITS: 'off',
    PLAIN_WEBHOOK_SECRET: webhookSecret,
  };
}

function sandboxEnvironment(port: number): Record<string, string> {
  return {
    HOTLINE_SANDBOX_ADDR: `127.0.0.1:${port}`,
    // Plain's first retry comes after 10 s; here after half a second.
    HOTLINE_SANDBOX_RETRY_SCALE: '0.05',
  };
}

/** A portal and the workspace that it talks to. */
export interface Stand {
  /** Where visitors go, without a slash at the end. */
  portalUrl: string;
  portal: HotlineProcess;
  sandbox: Sandbox;
  close(): Promise<void>;
}

/** As `scripts/start` runs it: one process, the sandbox inside. */
export async function embedded(logFile: string): Promise<Stand> {
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const dataDir = mkdtempSync(join(tmpdir(), 'hotline-'));
  const portalUrl = `http://127.0.0.1:${port}`;
  const portal = new HotlineProcess({
    args: [],
    env: { ...portalEnvironment(port, dataDir), ...sandboxEnvironment(sandboxPort) },
    readyUrl: `${portalUrl}/readyz`,
    logFile,
  });
  await portal.start();
  return {
    portalUrl,
    portal,
    sandbox: new Sandbox(`http://127.0.0.1:${sandboxPort}`),
    async close() {
      await portal.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** What is unlike the usual stand. */
export interface Wishes {
  /** Puts something between the workspace and the portal; is given the portal's own webhook address. */
  webhookUrl?: (direct: string) => Promise<string>;
  /** Puts something between visitors and the portal; is given the portal's own address. */
  front?: (direct: string) => Promise<string>;
  /** Puts something between the portal and the workspace's API; is given the API's own address. */
  api?: (direct: string) => string;
  /** Settings of the portal on top of the usual ones. */
  settings?: Record<string, string>;
}

/** A stand whose parts can be ended and started one by one. */
export interface Apart extends Stand {
  /** The workspace's process. */
  workspace: HotlineProcess;
  /** The portal's own address; the same as `portalUrl` if nothing stands in front of it. */
  directUrl: string;
  /** Starts one more portal of the same kind, on a port of its own; the stand ends it. Webhooks still go to the first one. */
  another(): Promise<{ url: string; portal: HotlineProcess }>;
}

/** As in production: the workspace lives elsewhere and goes on when the portal is down. */
export async function apart(logFile: string, { webhookUrl, front, api, settings }: Wishes = {}): Promise<Apart> {
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const dataDir = mkdtempSync(join(tmpdir(), 'hotline-'));
  const directUrl = `http://127.0.0.1:${port}`;
  const portalUrl = (await front?.(directUrl)) ?? directUrl;
  const hookUrl = `${directUrl}/api/webhooks/plain`;
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const directApi = `${sandboxUrl}/graphql/v1`;
  const apiUrl = api?.(directApi) ?? directApi;
  const workspace = new HotlineProcess({
    args: ['sandbox', '--webhook-url', (await webhookUrl?.(hookUrl)) ?? hookUrl],
    env: {
      ...sandboxEnvironment(sandboxPort),
      HOTLINE_DATA_DIR: join(dataDir, 'sandbox'),
      PLAIN_WEBHOOK_SECRET: webhookSecret,
    },
    readyUrl: `${sandboxUrl}/admin/threads`,
    logFile: logFile.replace(/\.log$/, '-sandbox.log'),
  });
  const portals: HotlineProcess[] = [];
  const instance = (ofPort: number) => {
    const number = portals.length + 1;
    const portal = new HotlineProcess({
      args: [],
      env: {
        ...portalEnvironment(ofPort, join(dataDir, `portal-${number}`)),
        HOTLINE_PUBLIC_URL: portalUrl,
        HOTLINE_SECRET: cookieSecret,
        PLAIN_API_URL: apiUrl,
        PLAIN_API_KEY: 'plainApiKey_sandbox',
        ...settings,
      },
      readyUrl: `http://127.0.0.1:${ofPort}/readyz`,
      logFile: number === 1 ? logFile : logFile.replace(/\.log$/, `-${number}.log`),
    });
    portals.push(portal);
    return portal;
  };
  const close = async () => {
    await Promise.all([...portals, workspace].map((process) => process.close()));
    rmSync(dataDir, { recursive: true, force: true });
  };
  const portal = instance(port);
  try {
    await workspace.start();
    await portal.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    portalUrl,
    directUrl,
    portal,
    workspace,
    sandbox: new Sandbox(sandboxUrl),
    async another() {
      const nextPort = await freePort();
      const next = instance(nextPort);
      await next.start();
      return { url: `http://127.0.0.1:${nextPort}`, portal: next };
    },
    close,
  };
}
