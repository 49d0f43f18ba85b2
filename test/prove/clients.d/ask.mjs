// What clients from npm make of a server, one JSON line per case.
// usage: node ask.mjs BASE-URL MODEL GOOD-KEY WRONG-KEY SPENT-KEY LONG-TEXT
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";
import { ChatOllama, OllamaEmbeddings } from "@langchain/ollama";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { generateText, streamText, embed, tool, jsonSchema } from "ai";
import { createOllama } from "ollama-ai-provider-v2";
import { FunctionTool } from "llamaindex";
import { OpenAI as LlamaOpenAI, OpenAIEmbedding } from "@llamaindex/openai";
import { Ollama as LlamaOllama, OllamaEmbedding } from "@llamaindex/ollama";

const [base, model, good, wrong, spent, words] = process.argv.slice(2);
const embedder = process.env.EMBEDDER;
const long = "weir ".repeat(Number(words));
const bearer = (key) => ({ Authorization: "Bearer " + key });
const say = (text) => [{ role: "user", content: text }];
const hi = "Once upon a time";
const weather = {
  type: "function",
  function: { name: "weather", description: "the weather",
    parameters: { type: "object", properties: { at: { type: "string" } } } },
};
const llamaTool = FunctionTool.from(async () => "rain", weather.function);
async function drain(stream) {
  let n = 0;
  for await (const _ of stream) n += 1;
  return n + " parts";
}
// Read two parts, then stop.
async function cut(stream, stop) {
  let n = 0;
  try {
    for await (const _ of stream) {
      n += 1;
      if (n === 2) stop();
    }
  } catch (e) {
    return "stopped: " + e.name;
  }
  return "stopped; " + n + " parts had come";
}
const text = (t) => (t && t.length ? t.length + " characters" : "empty");

const clients = {
  "openai": (key) => {
    const c = new OpenAI({ baseURL: base + "/v1", apiKey: key, maxRetries: 0 });
    const create = (more, opt) => c.chat.completions.create(
      { model, max_tokens: 24, messages: say(hi), ...more }, opt);
    return {
      plain: async (t) => text((await create(
        { messages: say(t) })).choices[0].message.content),
      stream: async () => drain(await create({ stream: true })),
      tools: async () => text((await create(
        { tools: [weather] })).choices[0].message.content),
      embed: async () => (await c.embeddings.create(
        { model: embedder, input: hi })).data[0].embedding.length + " dimensions",
      abort: async () => {
        const s = await create({ stream: true, max_tokens: 4000 });
        return cut(s, () => s.controller.abort());
      },
    };
  },
  "ollama": (key) => {
    const c = new Ollama({ host: base, headers: bearer(key) });
    const o = { num_predict: 24 };
    return {
      plain: async (t) => text((await c.chat(
        { model, messages: say(t), options: o })).message.content),
      stream: async () => drain(await c.chat(
        { model, messages: say(hi), options: o, stream: true })),
      tools: async () => text((await c.chat(
        { model, messages: say(hi), options: o, tools: [weather] }))
        .message.content),
      embed: async () => (await c.embed(
        { model: embedder, input: hi })).embeddings[0].length + " dimensions",
      abort: async () => {
        const s = await c.chat({ model, messages: say(hi), stream: true,
          options: { num_predict: 4000 } });
        return cut(s, () => s.abort());
      },
    };
  },
  "@anthropic-ai/sdk": (key) => {
    const c = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0 });
    const create = (more) => c.messages.create(
      { model, max_tokens: 24, messages: say(hi), ...more });
    return {
      plain: async (t) => text((await create(
        { messages: say(t) })).content[0]?.text),
      stream: async () => drain(await create({ stream: true })),
      tools: async () => text((await create({ tools: [{ name: "weather",
        input_schema: weather.function.parameters }] })).content[0]?.text),
      abort: async () => {
        const s = await create({ stream: true, max_tokens: 4000 });
        return cut(s, () => s.controller.abort());
      },
    };
  },
  "@langchain/ollama": (key) => {
    const make = (n) => new ChatOllama({ baseUrl: base, model, numPredict: n,
      headers: new Headers(bearer(key)), maxRetries: 0 });
    return {
      plain: async (t) => text((await make(24).invoke(t)).content),
      stream: async () => drain(await make(24).stream(hi)),
      tools: async () => text((await make(24).bindTools([weather])
        .invoke(hi)).content),
      embed: async () => (await new OllamaEmbeddings({ baseUrl: base, model: embedder,
        headers: bearer(key), maxRetries: 0 }).embedQuery(hi))
        .length + " dimensions",
      abort: async () => {
        const stop = new AbortController();
        return cut(await make(4000).stream(hi, { signal: stop.signal }),
          () => stop.abort());
      },
    };
  },
  "@langchain/openai": (key) => {
    const make = (n) => new ChatOpenAI({ model, apiKey: key, maxTokens: n,
      maxRetries: 0, configuration: { baseURL: base + "/v1" } });
    return {
      plain: async (t) => text((await make(24).invoke(t)).content),
      stream: async () => drain(await make(24).stream(hi)),
      tools: async () => text((await make(24).bindTools([weather])
        .invoke(hi)).content),
      embed: async () => (await new OpenAIEmbeddings({ model: embedder, apiKey: key,
        maxRetries: 0, configuration: { baseURL: base + "/v1" } })
        .embedQuery(hi)).length + " dimensions",
      abort: async () => {
        const stop = new AbortController();
        return cut(await make(4000).stream(hi, { signal: stop.signal }),
          () => stop.abort());
      },
    };
  },
  "ai + ollama-ai-provider-v2": (key) => {
    const p = createOllama({ baseURL: base + "/api", headers: bearer(key) });
    const of = (prompt, n) => ({ model: p(model), prompt, maxRetries: 0,
      maxOutputTokens: n });
    const tools = { weather: tool({ description: "the weather",
      inputSchema: jsonSchema(weather.function.parameters) }) };
    return {
      plain: async (t) => text((await generateText(of(t, 24))).text),
      stream: async () => drain(streamText(of(hi, 24)).textStream),
      tools: async () => text((await generateText(
        { ...of(hi, 24), tools })).text),
      embed: async () => (await embed({ maxRetries: 0,
        model: p.textEmbeddingModel?.(embedder) ?? p.embedding(embedder),
        value: hi })).embedding.length + " dimensions",
      abort: async () => {
        const stop = new AbortController();
        return cut(streamText({ ...of(hi, 4000), onError: () => {},
          abortSignal: stop.signal }).textStream, () => stop.abort());
      },
    };
  },
  "llamaindex (openai)": (key) => {
    const make = (n) => new LlamaOpenAI({ model, apiKey: key, maxTokens: n,
      maxRetries: 0, baseURL: base + "/v1",
      additionalSessionOptions: { baseURL: base + "/v1" } });
    return {
      plain: async (t) => text((await make(24).chat(
        { messages: say(t) })).message.content),
      stream: async () => drain(await make(24).chat(
        { messages: say(hi), stream: true })),
      tools: async () => text((await make(24).chat(
        { messages: say(hi), tools: [llamaTool] })).message.content),
      embed: async () => (await new OpenAIEmbedding({ model: embedder,
        apiKey: key, maxRetries: 0, baseURL: base + "/v1",
        additionalSessionOptions: { baseURL: base + "/v1" } })
        .getTextEmbedding(hi)).length + " dimensions",
      abort: async () => cutByBreak(await make(4000).chat(
        { messages: say(hi), stream: true })),
    };
  },
  "llamaindex (ollama)": (key) => {
    const make = (n) => new LlamaOllama({ model, options: { num_predict: n },
      config: { host: base, headers: bearer(key) } });
    return {
      plain: async (t) => text((await make(24).chat(
        { messages: say(t) })).message.content),
      stream: async () => drain(await make(24).chat(
        { messages: say(hi), stream: true })),
      tools: async () => text((await make(24).chat(
        { messages: say(hi), tools: [llamaTool] })).message.content),
      embed: async () => (await new OllamaEmbedding({ model: embedder,
        config: { host: base, headers: bearer(key) } })
        .getTextEmbedding(hi)).length + " dimensions",
      abort: async () => cutByBreak(await make(4000).chat(
        { messages: say(hi), stream: true })),
    };
  },
};

async function cutByBreak(stream) {
  let n = 0;
  for await (const _ of stream) if (++n === 2) break;
  return "stopped";
}

function shown(e) {
  return { error: e.constructor.name,
    status: e.status ?? e.status_code ?? e.statusCode ?? null,
    message: String(e.message ?? e).split("\n")[0] };
}

const cases = {
  "not streamed": (c) => c.plain(hi), "streamed": (c) => c.stream(),
  "tools": (c) => c.tools?.(), "embeddings": (c) => c.embed?.(),
  "aborted": (c) => c.abort(), "over the context": (c) => c.plain(long),
};
async function run(client, name, key, ask) {
  let out;
  try {
    const got = await Promise.race([ask(clients[client](key)),
      new Promise((_, no) => setTimeout(() => no(new Error("no end in 60 s")),
        60000).unref())]);
    out = got === undefined ? { none: true } : { ok: got };
  } catch (e) {
    out = shown(e);
  }
  console.log(JSON.stringify({ client, case: name, ...out }));
}
process.on("unhandledRejection", () => {});
for (const client of Object.keys(clients)) {
  for (const [name, ask] of Object.entries(cases))
    await run(client, name, good, ask);
  await run(client, "wrong key", wrong, cases["not streamed"]);
  await run(client, "over the limit", spent, cases["not streamed"]);
}
process.exit(0);
