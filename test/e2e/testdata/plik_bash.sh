#!/usr/bin/env bash
# The requests of Plik's bash client (plik-wire.md 16.5), with its way of reading
# answers: by cutting text, never by parsing JSON.
# usage: plik_bash.sh BASE FILE [NAME]; PLIK_TOKEN names a user token. Prints one
# line: the command that downloads the file.
set -euo pipefail
base=$1 file=$2 name=${3:-$(basename "$2")}
token=()
[ -z "${PLIK_TOKEN:-}" ] || token=(-H "X-PlikToken: $PLIK_TOKEN")

# The value of a key of one flat answer: pieces between commas, the first one
# that holds the key, what stands behind its colon, without quotes.
value() { # key < answer
  sed 's/[{}]//g' | tr ',' '\n' | grep "\"$1\"" | head -n 1 | cut -d ':' -f 2- | sed 's/"//g'
}
# Ids are looked for by their letters alone.
ident() {
  sed 's/[{}]//g' | tr ',' '\n' | grep 'id' | head -n 1 | cut -d ':' -f 2- | sed 's/"//g'
}

upload=$(curl -s -X POST -d '{ "OneShot" : false, "Removable" : false, "Ttl" : 0 }' "${token[@]}" "$base/upload")
id=$(ident <<<"$upload")
secret=$(value uploadToken <<<"$upload")
domain=$(value downloadDomain <<<"$upload")

sent=$(curl -s -X POST -H "X-UploadToken: $secret" "${token[@]}" -F "file=@$file;filename=$name" "$base/file/$id")
file_id=$(ident <<<"$sent")
file_name=$(value fileName <<<"$sent")
if [ "$(value status <<<"$sent")" != uploaded ] || [ "$(value fileMd5 <<<"$sent")" != "$(md5sum <"$file" | cut -d ' ' -f 1)" ]; then
  echo "the upload failed: $sent" >&2
  exit 1
fi
echo "curl -s ${domain:-$base}/file/$id/$file_id/$file_name"
