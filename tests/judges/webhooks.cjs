// What others sign by GitHub's way and by that of Standard Webhooks, and what they say of what we sign.
// It is for `import` alone, which does not look at NODE_PATH.
const { sign } = require(`${process.env.NODE_PATH}/@octokit/webhooks-methods/dist-node/index.js`);
const { Webhook } = require('standardwebhooks');
const { serve, version } = require('./calls.cjs');

serve({
  versions: () => ({ github: version('@octokit/webhooks-methods'), standard: version('standardwebhooks') }),
  sign_github: ({ secret, body }) => sign(secret, body),
  sign_standard: ({ secret, id, seconds, body }) => new Webhook(secret).sign(id, new Date(seconds * 1000), body),
  verify_standard({ secret, id, seconds, signature, body }) {
    const headers = { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature };
    new Webhook(secret).verify(body, headers);
  },
});
