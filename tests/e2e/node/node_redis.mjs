// node_redis.mjs PACKAGE PORT LOCKED_PORT PASSWORD - the package redis against a server.
import { assert, bytes, check, lockedPort, packageName, password, port, runAll } from './common.mjs';

const { createClient, RESP_TYPES } = await import(packageName);

async function connected(options) {
    const client = createClient({ socket: { port, host: '127.0.0.1' }, ...options });
    client.on('error', () => {}); // what a command needs to know, it rejects with
    await client.connect();
    return client;
}

for (const RESP of [2, 3]) {
    const about = (name) => `RESP${RESP} ${name}`;
    const fresh = async () => {
        const client = await connected({ RESP });
        await client.flushAll();
        return client;
    };

    check(about('basics'), async () => {
        const c = await fresh();
        assert.equal(await c.ping(), 'PONG');
        assert.equal(await c.set('k', 'v'), 'OK');
        assert.equal(await c.get('k'), 'v');
        assert.equal(await c.get('absent'), null);
        assert.equal(await c.set('k', 'w', { NX: true }), null);
        assert.equal(await c.incrBy('n', 7), 7);
        assert.equal(await c.incrByFloat('n', 0.5).then(Number), 7.5);
        await assert.rejects(c.incr('k'), /not an integer/);
        assert.deepEqual(await c.mGet(['k', 'absent', 'n']), ['v', null, '7.5']);
        assert.equal(await c.del(['k', 'absent']), 1);
        c.destroy();
    });

    check(about('expiry and scan'), async () => {
        const c = await fresh();
        await c.set('t', 'v', { expiration: { type: 'EX', value: 100 } });
        assert.ok((await c.ttl('t')) > 98);
        for (let i = 0; i < 300; i++) c.set(`key:${i}`, String(i));
        await c.ping();
        const seen = new Set();
        for await (const keys of c.scanIterator({ MATCH: 'key:*', COUNT: 50 }))
            for (const key of keys) seen.add(key);
        assert.equal(seen.size, 300);
        c.destroy();
    });

    check(about('commands sent together'), async () => {
        const c = await fresh();
        const said = await Promise.all(
            Array.from({ length: 5000 }, (_, i) => c.set(`p:${i}`, String(i))));
        assert.ok(said.every((one) => one === 'OK'));
        const back = await Promise.all(Array.from({ length: 5000 }, (_, i) => c.get(`p:${i}`)));
        assert.deepEqual(back, Array.from({ length: 5000 }, (_, i) => String(i)));
        c.destroy();
    });

    check(about('multi and watch'), async () => {
        const c = await fresh();
        const other = await connected({ RESP });
        assert.deepEqual(await c.multi().set('a', '1').incr('a').get('a').exec(), ['OK', 2, '2']);
        await c.watch('a');
        await other.set('a', '9');
        await assert.rejects(c.multi().set('a', '3').exec(), /watch/i);
        assert.equal(await c.get('a'), '9');
        c.destroy();
        other.destroy();
    });

    check(about('binary buffers'), async () => {
        const c = await fresh();
        const b = c.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
        const big = Buffer.concat(Array(4096).fill(bytes));
        await b.set(bytes, big);
        assert.ok((await b.get(bytes)).equals(big));
        c.destroy();
    });

    check(about('server commands'), async () => {
        const c = await fresh();
        assert.equal((await c.configGet('port')).port, String(port));
        assert.match(await c.info('server'), /redis_version:/);
        assert.ok((await c.commandCount()) > 80);
        await c.clientSetName('noded');
        assert.equal((await c.clientInfo()).name, 'noded');
        assert.ok((await c.clientList()).some((one) => one.name === 'noded'));
        await c.select(3);
        assert.equal(await c.dbSize(), 0);
        c.destroy();
    });

    check(about('password'), async () => {
        const at = { RESP, socket: { port: lockedPort, host: '127.0.0.1' } };
        const c = await connected({ ...at, password });
        assert.equal(await c.set('k', 'v'), 'OK');
        c.destroy();
        const off = { ...at.socket, reconnectStrategy: false };
        await assert.rejects(connected({ RESP, socket: off, password: 'wrong' }), /WRONGPASS/);
    });
}

check('reconnects after being killed', async () => {
    const c = await connected({ RESP: 3 });
    const killer = await connected({ RESP: 3 });
    await killer.sendCommand(['CLIENT', 'KILL', 'ID', String(await c.clientId())]);
    await new Promise((resolve) => { c.once('ready', resolve); });
    assert.equal(await c.ping(), 'PONG');
    c.destroy();
    killer.destroy();
});

await runAll();
