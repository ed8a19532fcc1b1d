#!/usr/bin/env bash
# Makes clients from contracts/openapi/lockwell.json by stock generators and
# compiles them: scripts/codegen.sh [go] [typescript] [python] [java]; all of
# them when none is named. They are written to gen/, which git ignores. A
# language whose tools are missing is left out with a word, unless it was named.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=scripts/codegen
generator=$tools/node_modules/@openapitools/openapi-generator-cli/bin/openapi-generator.jar
document=contracts/openapi/lockwell.json

missing() { # language, tools
  local tool
  for tool in "${@:2}"; do
    command -v "$tool" >/dev/null || { echo "codegen: $1 needs $tool, which is not here"; return 0; }
  done
  return 1
}

# The generators, as package-lock.json pins them. One run at a time.
install() {
  mkdir -p gen
  (
    flock 9
    if [ ! "$tools/node_modules/.package-lock.json" -nt "$tools/package-lock.json" ]; then
      npm ci --prefix "$tools" --ignore-scripts --prefer-offline --loglevel error
    fi
    # The Java generator reads OpenAPI 3.0.
    if [ ! gen/lockwell-3.0.json -nt "$document" ]; then
      "$tools/node_modules/.bin/openapi-down-convert" --allOf --input "$document" --output gen/lockwell-3.0.json.new
      mv gen/lockwell-3.0.json.new gen/lockwell-3.0.json
    fi
  ) 9>gen/.lock
}

openapi_generator() { # generator, directory, properties
  java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar "$generator" generate -i gen/lockwell-3.0.json -g "$1" -o "$2" \
    --additional-properties="hideGenerationTimestamp=true,$3" --global-property=apiTests=false,modelTests=false,apiDocs=false,modelDocs=false \
    >"$2.log" 2>&1 || { cat "$2.log"; return 1; }
}

gen_go() {
  mkdir -p test/openapi/goclient/lockwell
  (cd test/openapi/goclient && GOWORK=off go tool oapi-codegen -config oapi-codegen.yaml "../../../$document" && GOWORK=off go build -o ../../../gen/go/ .)
}

gen_typescript() {
  install
  rm -rf gen/typescript
  "$tools/node_modules/.bin/openapi-ts" --silent --no-log-file -i "$document" -o gen/typescript/lockwell -c @hey-api/client-fetch
  cp test/openapi/testdata/roundtrip.ts gen/typescript/
  "$tools/node_modules/.bin/tsc" -p "$tools/tsconfig.json"
}

gen_python() {
  install
  rm -rf gen/python
  mkdir -p gen/python
  openapi_generator python gen/python "packageName=lockwell,projectName=lockwell"
  python3 -m compileall -q gen/python/lockwell
}

# Compiled where okhttp and gson are (Debian: libokhttp-java, libgoogle-gson-java);
# the annotations are in the generator's own jar, and what else the client
# imports but does not need stands in scripts/codegen/java.
gen_java() {
  install
  rm -rf gen/java
  mkdir -p gen/java/classes
  openapi_generator java gen/java "library=okhttp-gson,dateLibrary=java8,groupId=dev.sluice,artifactId=lockwell-client,invokerPackage=dev.sluice.lockwell,apiPackage=dev.sluice.lockwell.api,modelPackage=dev.sluice.lockwell.model"
  local jars=${SLUICE_JARS:-/usr/share/java} jar
  for jar in okhttp okio gson; do
    [ -e "$jars/$jar.jar" ] || { echo "codegen: java is not compiled: there is no $jars/$jar.jar"; return 0; }
  done
  local path="$jars/okhttp.jar:$jars/okio.jar:$jars/gson.jar:$generator"
  find gen/java/src/main $tools/java test/openapi/testdata -name '*.java' >gen/java/sources
  javac -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -nowarn -proc:none -encoding UTF-8 -d gen/java/classes -cp "$path" @gen/java/sources
  printf '#!/bin/sh\nexec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp %s RoundTrip\n' "gen/java/classes:$path" >gen/java/roundtrip
  chmod +x gen/java/roundtrip
}

languages=("$@")
[ $# -gt 0 ] || languages=(go typescript python java)
for language in "${languages[@]}"; do
  case $language in
    go) needs=(go) ;;
    typescript) needs=(node npm) ;;
    python) needs=(node npm java python3) ;;
    java) needs=(node npm java javac) ;;
    *) echo "codegen: there is no generator for $language" >&2; exit 2 ;;
  esac
  if missing "$language" "${needs[@]}"; then
    [ $# -eq 0 ] || exit 3
    continue
  fi
  start=$SECONDS
  "gen_$language"
  echo "codegen: $language in $((SECONDS - start)) s"
done
