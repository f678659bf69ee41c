// What the judges in JavaScript share: a call is a line of JSON that comes in, its answer a line that goes out.
const { readFileSync } = require('node:fs');
const { createInterface } = require('node:readline');

/** A package's name and version. */
exports.version = name => `${name} ${JSON.parse(readFileSync(`${process.env.NODE_PATH}/${name}/package.json`)).version}`;

/** Answers calls by these functions, until there are no more. */
exports.serve = async calls => {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, given] = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await calls[name](given)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    console.log(JSON.stringify(answer));
  }
};
