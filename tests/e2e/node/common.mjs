// common.mjs - what the two client programs share: a list of checks, each counted, none skipped.
import assert from 'node:assert/strict';

const checks = [];

export function check(name, run) {
    checks.push([name, run]);
}

// Runs the checks one after another and prints one line each; exit code 1 when any failed.
export async function runAll() {
    let failed = 0;
    for (const [name, run] of checks) {
        try {
            await run();
            console.log(`ok ${name}`);
        } catch (error) {
            failed += 1;
            console.log(`not ok ${name}: ${String(error.stack).split('\n').slice(0, 6).join(' | ')}`);
        }
    }
    console.log(`ran ${checks.length}`);
    process.exit(failed ? 1 : 0);
}

export const packageName = process.argv[2];
export const port = Number(process.argv[3]);
export const lockedPort = Number(process.argv[4]);
export const password = process.argv[5];
export const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
export { assert };
