// The two ways to put portal and sandbox together.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, HotlineProcess } from './process.ts';
import { Sandbox } from './sandbox.ts';

const siteRoot = process.env.LEPTOS_SITE_ROOT ?? resolve(import.meta.dirname, '../../target/site');

/** What both sides sign webhooks with in these tests. */
export const webhookSecret = 'end-to-end-signing-secret';

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

/**
 * As in production: the workspace lives elsewhere and goes on when the portal is down.
 * `webhookUrl` may put something between the two; it is given the portal's own webhook address.
 */
export async function apart(logFile: string, webhookUrl = async (direct: string) => direct): Promise<Stand> {
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const dataDir = mkdtempSync(join(tmpdir(), 'hotline-'));
  const portalUrl = `http://127.0.0.1:${port}`;
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const workspace = new HotlineProcess({
    args: ['sandbox', '--webhook-url', await webhookUrl(`${portalUrl}/api/webhooks/plain`)],
    env: {
      ...sandboxEnvironment(sandboxPort),
      HOTLINE_DATA_DIR: join(dataDir, 'sandbox'),
      PLAIN_WEBHOOK_SECRET: webhookSecret,
    },
    readyUrl: `${sandboxUrl}/admin/threads`,
    logFile: logFile.replace(/\.log$/, '-sandbox.log'),
  });
  const portal = new HotlineProcess({
    args: [],
    env: {
      ...portalEnvironment(port, join(dataDir, 'portal')),
      PLAIN_API_URL: `${sandboxUrl}/graphql/v1`,
      PLAIN_API_KEY: 'plainApiKey_sandbox',
    },
    readyUrl: `${portalUrl}/readyz`,
    logFile,
  });
  try {
    await workspace.start();
    await portal.start();
  } catch (error) {
    await portal.close();
    await workspace.close();
    throw error;
  }
  return {
    portalUrl,
    portal,
    sandbox: new Sandbox(sandboxUrl),
    async close() {
      await portal.close();
      await workspace.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
