#!/usr/bin/env bash
# weft lua, weft convert and Lua graph files as a user meets them.
#   command_test.sh WEFT FOLDER
set -uo pipefail
weft=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder"
failures=0

# expect NAME CODE TEXT COMMAND…: the exit code, and a text in what is printed.
expect() {
  local name=$1 code=$2 text=$3
  shift 3
  local printed got
  printed=$("$@" 2>&1 </dev/null)
  got=$?
  if [ $got -ne "$code" ] || [[ "$printed" != *"$text"* ]]; then
    echo "FAILED $name: exit code $got, printed: $printed" >&2
    failures=$((failures + 1))
  fi
}
piped() { printf '%b' "$1" | "$weft" lua; }

echo 'print("args", ..., #arg)' >"$folder/args.lua"
expect "a script gets its arguments" 0 "args	--x	2" "$weft" lua "$folder/args.lua" --x y
printf '\nweft.VaeDecod{}' >"$folder/bad.lua"
expect "a mistake names file, line and the nearest name" 1 \
  "weft: $folder/bad.lua:2: weft has no node or function \"VaeDecod\"; did you mean \"VaeDecode\"?" \
  "$weft" lua "$folder/bad.lua"
expect "a missing script is wrong usage" 2 "no such script" "$weft" lua "$folder/none.lua"
expect "an unknown option is wrong usage" 2 'unknown option "--precison"' "$weft" lua --precison f32
expect "text from the command line runs" 0 "42" "$weft" lua -e 'print(6 * 7)'
expect "trusted scripts have the usual libraries" 0 "string" "$weft" lua -e 'print(type(os.getenv("PATH")))'
expect "lines from a pipe run without a prompt" 0 "3" piped '1 + 2\n'
expect "a statement may take several lines" 0 "7" piped 'for i = 7, 7 do\nprint(i)\nend\n'
expect "a bad line from a pipe shows in the exit code" 1 "unexpected symbol" piped 'x = = 1\n'
expect "a statement that is not finished is an error" 1 "middle of a statement" piped 'for i = 1, 2 do\n'

printf 'local model = weft.LoadModel{"model", path = "models/sketch"}\n\nweft.VaeDecode{"image", vae = model.clip, latent = 1}' >"$folder/graph.lua"
expect "a Lua graph's mistakes have lines" 3 "graph.lua:3: node \"image\" (VaeDecode): \"vae\"" "$weft" check "$folder/graph.lua"
printf 'while true do end' >"$folder/endless.lua"
expect "an endless graph file is stopped" 3 "endless.lua:1: the script used more than 50,000,000 instructions" "$weft" run "$folder/endless.lua"
printf 'return io.open("/etc/passwd")' >"$folder/io.lua"
expect "a graph file reads no files" 3 "nil value (global 'io')" "$weft" check "$folder/io.lua"

expect "convert writes Lua" 0 "$folder/a.lua" "$weft" convert graphs/txt2img.json "$folder/a.lua"
expect "convert writes JSON" 0 "$folder/a.json" "$weft" convert "$folder/a.lua" "$folder/a.json"
expect "convert names what it knows" 2 "written as .json or .lua" "$weft" convert txt2img "$folder/a.txt"
cmp -s "$folder/a.lua" graphs/txt2img.lua || { echo "FAILED graphs/txt2img.lua is not what convert writes" >&2; failures=$((failures + 1)); }

# The same graph through both doors, and run by a script, gives the same bytes.
"$weft" run graphs/txt2img.json --param steps=4 --quiet --out "$folder/json" >/dev/null || failures=$((failures + 1))
"$weft" run graphs/txt2img.lua --param steps=4 --quiet --out "$folder/lua" >/dev/null || failures=$((failures + 1))
cmp "$folder/json/txt2img.image.png" "$folder/lua/txt2img.image.png" || failures=$((failures + 1))
cat >"$folder/same.lua" <<'LUA'
local folder = ...
local first = weft.run("graphs/txt2img.json", {steps = 4}).image
local second = weft.run("graphs/txt2img.lua", {steps = 4}).image
assert((first - second):abs():max() == 0)
local model = weft.LoadModel{path = "models/sketch"}
local function encode(text) return weft.EncodePrompt{tokenizer = model.tokenizer, clip = model.clip, text = text} end
local scheduler = weft.EulerAncestralDiscreteScheduler{config = model.scheduler_config}
local times = weft.Timesteps{scheduler = scheduler, num_inference_steps = 4}
local noise = weft.RandomLatent{vae = model.vae, generator = weft.Generator{seed = 1}, width = 128, height = 128}
local guide = weft.Guidance{unet = model.unet, positive = encode("a red circle left of a blue square"),
                            negative = encode(""), guidance_scale = 7.5}
local latent = weft.ScaleNoise{scheduler = scheduler, noise = noise.noise, first = times.first}
local state, generator = times.state, noise.generator
for _, step in scheduler:steps(4) do
  local scaled = weft.ScaleInput{scheduler = scheduler, latent = latent, step = step}
  local predicted = weft.PredictNoise{denoiser = guide, latent = scaled, step = step}
  local next = weft.SchedulerStep{scheduler = scheduler, noise = predicted, latent = latent, step = step,
                                  state = state, generator = generator}
  latent, state, generator = next.latent, next.state, next.generator
end
assert((weft.VaeDecode{vae = model.vae, latent = latent} - first):abs():max() == 0, "the loop by hand")
print("same")
LUA
expect "files and a loop by hand give the same bytes" 0 "same" "$weft" lua "$folder/same.lua" "$folder"
exit $((failures > 0))
