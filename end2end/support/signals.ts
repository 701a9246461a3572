// What agents' own tools do: tell who types, signed as Plain signs.
import { createHmac } from 'node:crypto';
import type { Page, Request } from '@playwright/test';
import { type Stand, webhookSecret } from './hotline.ts';

/** An agent's tool says that somebody of the team types, or stopped. */
export async function agentTypes(stand: Stand, threadId: string, name: string, typing = true): Promise<void> {
  const body = JSON.stringify({ threadId, name, typing, at: new Date().toISOString() });
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex');
  const headers = { 'Content-Type': 'application/json', 'Plain-Request-Signature': signature };
  const answer = await fetch(`${stand.portalUrl}/api/support/typing`, { method: 'POST', headers, body });
  if (answer.status !== 204) throw new Error(`typing: ${answer.status} ${await answer.text()}`);
}

/** The entries up to which the page says that it was read, as it says so. */
export function readsOf(page: Page): string[] {
  const reads: string[] = [];
  page.on('request', (request: Request) => {
    if (new URL(request.url()).pathname === '/api/support/read') {
      reads.push(new URLSearchParams(request.postData() ?? '').get('entryId') ?? '');
    }
  });
  return reads;
}

/** Puts a switch into a page that is to be opened: what the page believes of its being in front. */
export async function withShutters(page: Page): Promise<(open: boolean) => Promise<void>> {
  await page.addInitScript(() => {
    const shutters = { open: true };
    Object.assign(window, { shutters });
    Object.defineProperty(document, 'visibilityState', { get: () => (shutters.open ? 'visible' : 'hidden') });
    Object.defineProperty(document, 'hidden', { get: () => !shutters.open });
    document.hasFocus = () => shutters.open;
  });
  return async (open) => {
    await page.evaluate((value) => {
      (window as unknown as { shutters: { open: boolean } }).shutters.open = value;
      document.dispatchEvent(new Event('visibilitychange'));
    }, open);
  };
}
