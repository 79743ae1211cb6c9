// ioredis.mjs PACKAGE PORT LOCKED_PORT PASSWORD - the package ioredis against a server.
import { assert, bytes, check, lockedPort, packageName, password, port, runAll } from './common.mjs';

const { Redis } = await import(packageName);

function connected(options) {
    const client = new Redis({ port, host: '127.0.0.1', ...options });
    client.on('error', () => {});
    return client;
}

async function fresh() {
    const client = connected();
    await client.flushall();
    return client;
}

check('basics', async () => {
    const c = await fresh();
    assert.equal(await c.ping(), 'PONG');
    assert.equal(await c.set('k', 'v', 'EX', 100), 'OK');
    assert.equal(await c.get('k'), 'v');
    assert.ok((await c.ttl('k')) > 98);
    assert.equal(await c.get('absent'), null);
    assert.equal(await c.set('k', 'w', 'NX'), null);
    assert.equal(await c.incr('n'), 1);
    await assert.rejects(c.incr('k'), /not an integer/);
    assert.deepEqual(await c.mget('k', 'absent', 'n'), ['v', null, '1']);
    assert.equal(await c.del('k', 'absent'), 1);
    c.disconnect();
});

check('pipeline', async () => {
    const c = await fresh();
    const pipe = c.pipeline();
    for (let i = 0; i < 5000; i++) pipe.set(`p:${i}`, i);
    pipe.incr('p:17').get('p:17').lpush('p:17', 1);
    const said = await pipe.exec();
    assert.deepEqual(said.slice(5000, 5002), [[null, 18], [null, '18']]);
    assert.ok(said[5002][0] instanceof Error);
    const auto = connected({ enableAutoPipelining: true });
    const back = await Promise.all(Array.from({ length: 1000 }, (_, i) => auto.get(`p:${i + 100}`)));
    assert.deepEqual(back, Array.from({ length: 1000 }, (_, i) => String(i + 100)));
    auto.disconnect();
    c.disconnect();
});

check('multi and watch', async () => {
    const c = await fresh();
    const other = connected();
    assert.deepEqual(await c.multi().set('a', 1).incr('a').exec(), [[null, 'OK'], [null, 2]]);
    await c.watch('a');
    await other.set('a', 9);
    assert.equal(await c.multi().set('a', 3).exec(), null);
    assert.equal(await c.get('a'), '9');
    c.disconnect();
    other.disconnect();
});

check('binary buffers', async () => {
    const c = await fresh();
    const big = Buffer.concat(Array(4096).fill(bytes));
    await c.set(bytes, big);
    assert.ok((await c.getBuffer(bytes)).equals(big));
    c.disconnect();
});

check('scan stream', async () => {
    const c = await fresh();
    await c.mset(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key:${i}`, i])));
    const seen = new Set();
    for await (const keys of c.scanStream({ match: 'key:*', count: 100 }))
        for (const key of keys) seen.add(key);
    assert.equal(seen.size, 1000);
    c.disconnect();
});

check('databases and server commands', async () => {
    const c = await fresh();
    const three = connected({ db: 3 });
    await three.set('k', 'three');
    assert.equal(await c.get('k'), null);
    assert.deepEqual(await c.config('GET', 'port'), ['port', String(port)]);
    assert.match(await c.info(), /redis_version:/);
    await c.client('SETNAME', 'noded');
    assert.equal(await c.client('GETNAME'), 'noded');
    three.disconnect();
    c.disconnect();
});

check('password', async () => {
    const c = connected({ port: lockedPort, password });
    assert.equal(await c.set('k', 'v'), 'OK');
    c.disconnect();
    const none = connected({ port: lockedPort, retryStrategy: () => null });
    await assert.rejects(none.get('k'), /NOAUTH|closed/);
    none.disconnect();
});

check('reconnects after being killed', async () => {
    const c = connected();
    const killer = connected();
    await killer.client('KILL', 'ID', await c.client('ID'));
    assert.equal(await c.set('again', 'yes'), 'OK');
    c.disconnect();
    killer.disconnect();
});

await runAll();
