import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The system's Chromium: CHROMIUM_PATH, or the first that is found on PATH. */
export function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const chosen = process.env.CHROMIUM_PATH;
  return (chosen === undefined || chosen === '' ? candidates : [chosen]).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** False where browser tests must be skipped, which is said once. Throws in CI. */
export function hasChromium(): boolean {
  if (findChromium() !== undefined) return true;
  const message =
    'no Chromium for the browser tests: install one (Debian: apt-get install chromium), or set CHROMIUM_PATH to it';
  if (process.env.CI === 'true') throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

/** Nothing but the page itself: no updates, no reports, no graphics card. */
export const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
