import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { VERSION } from "../../src/version.js";
import { event, run } from "./harness.js";

const PRUNE = ["prune", "smol", "--out", "pruned"];

describe("help and version", () => {
  it("explains the program", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: transformers-prune [options] [command]

      Prunes transformers.js models: calibrate, score, and set the least important weights to zero.

      Options:
        --version                  print the version
        --help                     print this help

      Commands:
        prune [options] <model>    prune a model into a folder
        eval [options] <model>     measure the perplexity of a model
        inspect [options] <model>  list the weights of a model
        tune [options] <model>     find coefficients for a model and a pattern
        coefficients               list, import or export tuned coefficients
        help [command]             display help for command

      Examples:
        $ transformers-prune prune HuggingFaceTB/SmolLM2-135M --pattern 2:4 --out pruned
        $ transformers-prune eval pruned --text novel.txt
        $ transformers-prune inspect pruned

      Exit codes:
        0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C
      "
    `);
  });

  it("explains prune from the tables of options, methods and patterns", async () => {
    const { code, stdout } = await run(["prune", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: transformers-prune prune [options] <model>

      Prunes a model and writes it to a folder that transformers.js loads like any other model.

      Arguments:
        model                                    model id on the Hub, or a local directory

      Options:
        --out <dir>                              folder for the pruned model; a dry run does without
        --dry-run                                say what would be done and about how much memory and time
                                                 it takes, and do nothing
        --force                                  replace a model folder, with all that is in it
        --help                                   print this help

      Pruning:
        --preset <name>                          how much time pruning may take; fills in method,
                                                 reconstruct, sequential, target and repair where they are
                                                 left out (default: balanced; with a method or
                                                 coefficients none, that is masks only)
        --method <name>                          what chooses the weights that go (default: the preset's)
        --sparsity <share>                       share of the weights that becomes zero, anywhere; not
                                                 together with a pattern (default: 0.5)
        --scope <row|matrix>                     where scores compete: in each output row or in the
                                                 matrix; not together with a pattern (default: what the
                                                 method's paper does, or what the coefficients were tuned
                                                 for)
        --pattern <N:M>                          N of every M consecutive input channels stay
        --permute                                with a pattern: choose which M input channels share a
                                                 group, so that higher scores stay; takes longer (default:
                                                 false)
        --coefficients <auto|default|FILE|JSON>  numbers of the method; auto: tuned ones of this model or
                                                 its family where known, else untuned ones; default:
                                                 untuned ones (default: auto)
        --reconstruct <name|JSON|none>           what makes up for the weights that are gone, with numbers
                                                 of its own; false: nothing (default: the preset's)
        --sequential [groups]                    later layers are measured behind the pruned ones: layer
                                                 after layer, or in so many groups of blocks (a number: in
                                                 so many groups of blocks; "none": not; default: the
                                                 preset's)
        --target <outputs|weights>               with sequential: hold a layer to what the dense model has
                                                 in its place, or to its dense weights on the inputs it
                                                 gets (default: outputs with sequential, else weights)
        --repair <names|none>                    corrections in closed form afterwards; false: none (with
                                                 commas between; default: the preset's)
        --damping <share>                        what is added to the diagonal of second moments, as a
                                                 share of its mean (default: 0.01)
        --block-size <n>                         input channels in which weights compete for an
                                                 unstructured mask of sparsegpt's own (default: 128)
        --include <glob>                         only weights whose name matches are pruned, also those
                                                 that are dense by default (repeatable)
        --exclude <glob>                         weights whose name matches stay dense (repeatable)
        --encoding <dense|packed>                how pruned weights are stored: dense, zeros and all, or
                                                 packed, which is about half the bytes but takes time and
                                                 memory to load (default: dense)
        --compare-bytes                          measure what gzip and brotli make of the file with zeros,
                                                 for the report

      Calibration:
        --calibration <file>                     text to calibrate on (default: built-in text)
        --calibration-count <n>                  samples cut from the text (default: 32)
        --calibration-length <n>                 tokens in a sample (default: 512)
        --bos                                    every sample starts with the tokenizer's BOS and holds
                                                 length − 1 text tokens (the windows of --text too)
        --calibration-memory <size>              about how much memory may be taken; a model too large for
                                                 it is run in parts, one after the other (default: no
                                                 bound)
        --passes <n>                             passes of calibration; each after the first measures the
                                                 model as the one before pruned it (default: what the
                                                 coefficients were tuned with, else 1)
        --verify                                 compare with ria on a little text, and keep the better
                                                 masks

      Measuring perplexity:
        --text <file>                            UTF-8 text to measure perplexity on, before and after
        --length <n>                             tokens in a window of the text (default: 512)
        --windows <n>                            windows, from the start of the text (default: 16)
        --stride <n>                             tokens from one window to the next (default: windows do
                                                 not overlap)

      Model and output:
        --dtype <name|JSON>                      which of the model's files: fp32, fp16, q8, q4, …, or one
                                                 for each (default: the config's, else the host's)
        --device <name|JSON>                     device that calibrates; config and host may have a dtype
                                                 for it (default: the config's, else the host's)
        --subfolder <dir>                        folder of the model's files (default: onnx)
        --model-file-name <name>                 name of the model's file, without dtype suffix and .onnx
                                                 (default: the model class's)
        --external-data <n|JSON>                 data files beside each file, to be fetched (default: the
                                                 config's, else the host's)
        --cache-dir <dir>                        where models from the Hub are kept (default: the host's
                                                 cache)
        --local-files-only                       never go to the network
        --revision <name>                        branch, tag or commit of a model on the Hub (default:
                                                 main)
        --quiet                                  no progress, only the result
        --json                                   print the result as JSON and nothing else
        --threads <n>                            threads that compute masks (default: one per core)

      Presets:
        fast      masks only, weights stay as they are
        balanced  SparseGPT on the dense model's second moments, then least squares on what is kept
        best      the same layer after layer, each making up for the pruned ones before it

      Reconstructions:
        obs        later channels make up for what earlier ones lose, one pass in closed form
        admm       mask and values are found together, with a penalty that grows; takes much longer
        swaps      weights stay; kept and pruned ones are exchanged while that lowers the layer's error
        dsnot      weights stay; kept and pruned ones are exchanged while that lowers the lost mean output
        sparsellm  the layers of a feed-forward block are updated together, by way of what passes between them; others as obs

      Numbers that reconstructions take, as in --reconstruct '{"name":"sparsellm","steps":4}':
        swaps rounds     exchanges that an output row makes at most, 1 to 1000000 (default: 100)
        dsnot cycles     exchanges that an output row makes at most, 1 to 1000000 (default: 50)
        dsnot threshold  lost mean output of a row that is left alone, 0 to 1000000 (default: 0.1)
        sparsellm steps  turns that a block's layers take; with 1 only the last one is fitted, to what the others leave it, 1 to 100 (default: 1)

      Repairs:
        least-squares  kept weights, to the least squared error of the layer's output
        scale          one factor for each output row
        norm           the weight of a norm in front of linear layers
        bias           the mean of what was removed, added to the bias; layers without one get one

      Methods:
        magnitude  the weight's absolute value; needs no calibration (scope: matrix)
        wanda      absolute value times the norm of its input channel (scope: row)
        ria        importance relative to row and column, times the square root of the channel's norm (scope: matrix)
        crepe      importance relative to row, column and 2-D neighbourhood, with adaptive coefficients (scope: row; untuned: matrix)
        stade      absolute value times the standard deviation of its input channel (scope: row)
        sparsegpt  chosen column by column, by what each weight costs after all before it were made up for (scope: matrix)

      Coefficients of crepe:
        row     weight of the row term, 0 to 1 (untuned: 0.5; left out: 0)
        column  weight of the column term, 0 to 1 (untuned: 0.5; left out: 0.54)
        window  weight of the neighbourhood term, 0 to 1 (untuned: 0; left out: 0.46)
        size    side of the neighbourhood, odd, 1 to 63 (untuned: 31; left out: 31)
        power   exponent of the activation norm, 0 to 2 (untuned: 0.5; left out: 0.8)
        shape   how far row and column terms follow the weight's shape, from means (0) to sums as in RIA (1), 0 to 1 (untuned: 1; left out: 0)

      Patterns:
        unstructured  a share of the weights, anywhere; scores compete per output row or per matrix
        n:m           N of every M consecutive input channels stay, for example 2:4; or of every M chosen ones

      Examples:
        $ transformers-prune prune HuggingFaceTB/SmolLM2-135M --out pruned
        $ transformers-prune prune ./model --pattern 2:4 --preset best --out pruned
        $ transformers-prune prune ./model --method wanda --sparsity 0.6 --exclude layers.0 --out pruned
        $ transformers-prune prune ./model --pattern 2:4 --encoding packed --out pruned
        $ transformers-prune prune ./model --dtype q4 --dry-run
        $ transformers-prune prune ./model --pattern 2:4 --calibration domain.txt --text novel.txt --out pruned
        $ transformers-prune prune ./model --coefficients '{"window":0.3,"size":7}' --out pruned --json
      "
    `);
  });

  it.each(["eval", "inspect", "tune"])("explains %s with examples", async (command) => {
    const { code, stdout } = await run([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: transformers-prune ${command} [options] <model>`);
    expect(stdout).toContain("--local-files-only");
    expect(stdout).toMatch(new RegExp(`Examples:\n  \\$ transformers-prune ${command} `));
  });

  it("prints the version", async () => {
    expect(await run(["--version"])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });

  it("writes terminal codes only to a terminal that wants them", async () => {
    for (const options of [{}, { isTTY: true, env: { NO_COLOR: "1" } }, { isTTY: true, env: { TERM: "dumb" } }])
      expect((await run(["inspect", "smol"], options)).stdout).not.toContain("\u001b");
    expect((await run(["inspect", "smol"], { isTTY: true })).stdout).toContain("\u001b[1msmol\u001b[22m");
  });
});

describe("usage errors", () => {
  it.each([
    [[], "Usage: transformers-prune"],
    [["prun", "smol"], "(Did you mean prune?)"],
    [["prune", "smol"], "required option '--out <dir>' not specified"],
    [["prune", "--out", "pruned"], "missing required argument 'model'"],
    [["eval", "smol"], "required option '--text <file>' not specified"],
    [["inspect", "smol", "second"], "too many arguments"],
    [[...PRUNE, "--sparcity", "0.5"], "unknown option '--sparcity'\n(Did you mean --sparsity?)"],
    [[...PRUNE, "--sparsity", "1.5"], "--sparsity: expected a sparsity from 0"],
    [[...PRUNE, "--sparsity", "half"], 'received "half"'],
    [[...PRUNE, "--sparsity", ""], 'received ""'],
    [[...PRUNE, "--pattern", "4:2"], "--pattern: expected a pattern"],
    [[...PRUNE, "--pattern", "2:4", "--sparsity", "0.5"], "--sparsity and --pattern exclude each other"],
    [[...PRUNE, "--pattern", "2:4", "--scope", "row"], "--scope is for a sparsity: with --pattern"],
    [[...PRUNE, "--permute"], "--permute is for --pattern, which is not given"],
    [[...PRUNE, "--method", "wonda"], '--method: there is no method "wonda"; did you mean "wanda"?'],
    [[...PRUNE, "--coefficients", '{"sise":3}'], '--coefficients has no option "sise"; did you mean "size"?'],
    [[...PRUNE, "--coefficients", '{"size":4}'], "--coefficients.size: expected an odd whole number"],
    [[...PRUNE, "--calibration-count", "0"], "--calibration-count: expected a whole number from 1"],
    [[...PRUNE, "--passes", "two"], "--passes: expected a whole number from 1 to 10"],
    [[...PRUNE, "--windows", "4"], "--windows is for measuring perplexity and needs --text FILE"],
    [[...PRUNE, "--threads", "0"], "Expected a whole number from 1."],
    [["eval", "smol", "--text", "a.txt", "--length", "1"], "Expected a whole number from 2."],
  ])("%j", async (argv, message) => {
    const { code, stdout, stderr, calls } = await run(argv);
    expect({ code, stdout, calls }).toEqual({ code: 2, stdout: "", calls: [] });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/--help/);
  });
});

describe("failures", () => {
  const failing = (error: unknown) => ({ commands: { inspectModel: async () => Promise.reject(error) } });

  it("prints a PruneError as one sentence with its code, without a stack", async () => {
    const { code, stdout, stderr } = await run(
      ["inspect", "smol", "--json"],
      failing(new PruneError("bad-model", "smol/onnx/model.onnx ends after 12 bytes")),
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: "error: smol/onnx/model.onnx ends after 12 bytes [bad-model]\n",
    });
  });

  it("prints the stack of a bug", async () => {
    const { code, stderr } = await run(["inspect", "smol"], failing(new TypeError("x is not a function")));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^unexpected error: TypeError: x is not a function\n +at .*main\.test\.ts/);
    expect(stderr).toContain("This is a bug");
  });

  it("names a text that cannot be read", async () => {
    const { code, stderr, calls } = await run([...PRUNE, "--calibration", "no/such.txt"]);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(stderr).toMatch(/^error: --calibration no\/such\.txt cannot be read: ENOENT.*\[not-found\]\n$/);
  });

  it("ends with 130 when stopped, and says that nothing is half-written", async () => {
    const controller = new AbortController();
    const { code, stdout, stderr } = await run(PRUNE, {
      signal: controller.signal,
      commands: {
        pruneModel: async (_, { signal, onProgress }) => {
          onProgress?.(event("mask", 1, 2));
          controller.abort();
          signal?.throwIfAborted();
          throw new Error("was not stopped");
        },
      },
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toBe(" 50%  mask 1/2\nstopped; nothing was left half-written\n");
  });
});
