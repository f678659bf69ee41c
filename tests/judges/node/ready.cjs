// What is done once after npm has installed the judges.
//
// GitHub's own description of its API, cut down to what a CI/CD provider asks for: Prism reads half a megabyte in place of thirteen, and the
// half gigabyte of descriptions that nobody reads is dropped.
const { readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');

const FOLDER = 'node_modules/@octokit/openapi/generated';
const api = JSON.parse(readFileSync(`${FOLDER}/api.github.com.json`, 'utf8'));

const REPOSITORY = '/repos/{owner}/{repo}';
const OF_REPOSITORY =
  /^\/(actions\/(permissions|workflows|runs|jobs|artifacts|secrets|variables|runners)|attestations|commits|contents|deployments|dispatches|environments|git\/ref|hooks|releases)(\/|$)/;
const OTHERS = /^\/(app|user|rate_limit|meta|versions|orgs\/\{org\}\/actions\/runners|installation\/repositories|user\/repos)$|^\/app\/installations|^\/repositories\/\{repository_id\}\/environments/;
const wanted = path => path === REPOSITORY || OTHERS.test(path)
  || (path.startsWith(REPOSITORY) && OF_REPOSITORY.test(path.slice(REPOSITORY.length)));
api.paths = Object.fromEntries(Object.entries(api.paths).filter(([path]) => wanted(path)));
delete api['x-webhooks'];

// A file's name is an integer or a string; an integer in a path is both, and Prism takes `oneOf` by its word.
for (const parameter of Object.values(api.components.parameters)) {
  if (parameter.name === 'workflow_id' && parameter.schema.oneOf) {
    parameter.schema.anyOf = parameter.schema.oneOf;
    delete parameter.schema.oneOf;
  }
}

// The path of a file has slashes in it; Prism takes a parameter for one segment.
const inFolders = { ...api.paths[`${REPOSITORY}/contents/{path}`] };
for (const folders of [['one'], ['one', 'two'], ['one', 'two', 'three']]) {
  const parameters = folders.map(name => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  const of = operation => ({ ...operation, operationId: undefined, parameters: [...parameters, ...operation.parameters] });
  api.paths[`${REPOSITORY}/contents/${folders.map(name => `{${name}}/`).join('')}{path}`] =
    Object.fromEntries(Object.entries(inFolders).map(([method, operation]) => [method, of(operation)]));
}

const kept = {};
const keep = value => {
  if (Array.isArray(value)) return value.forEach(keep);
  if (value === null || typeof value !== 'object') return;
  if (typeof value.$ref === 'string') {
    const [, , kind, name] = value.$ref.split('/');
    if (!api.components[kind]?.[name]) throw new Error(`${value.$ref} leads nowhere`);
    if (!kept[kind]?.[name]) {
      (kept[kind] ??= {})[name] = api.components[kind][name];
      keep(api.components[kind][name]);
    }
  }
  Object.values(value).forEach(keep);
};
// Examples are most of it, and nobody is shown one.
delete api.components.examples;
const ofExample = value => value?.$ref?.startsWith('#/components/examples/');
const plain = value => {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const fields = Object.entries(value).filter(([, inner]) => !ofExample(inner));
  return Object.fromEntries(fields.map(([name, inner]) => [name, plain(inner)]));
};
api.paths = plain(api.paths);
api.components.responses = plain(api.components.responses);
keep(api.paths);
if (Object.keys(api.paths).length < 80) throw new Error('GitHub names its paths in another way now');
api.components = { ...kept, securitySchemes: api.components.securitySchemes };
writeFileSync('github.json', JSON.stringify(api));
for (const name of readdirSync(FOLDER)) rmSync(`${FOLDER}/${name}`);

// Prism would follow a redirect itself and take the token along; what it judges is the redirect.
const FORWARDER = 'node_modules/@stoplight/prism-http/dist/forwarder/index.js';
const forwarder = readFileSync(FORWARDER, 'utf8');
const asks = 'method: input.method,';
if (forwarder.split(asks).length !== 2) throw new Error('Prism asks in another way now');
writeFileSync(FORWARDER, forwarder.replace(asks, `${asks} redirect: 'manual',`));
