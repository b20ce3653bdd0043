#!/bin/sh
# The loop that everybody writes first: loop.sh RETRIES < calls, a call a line: token, account, stream, address. Failed calls go to stdout.
while read -r token account stream url; do
    curl -fsS --max-time 2 --retry "$1" --retry-all-errors --retry-delay 1 --retry-max-time 10 -o /dev/null \
        -X POST -H "auth: $token" -H "accountId: $account" -H "iid: $stream" -H 'Content-Type: application/json' -d '{}' "$url" 2>/dev/null || echo "$token $account $stream $url"
done
