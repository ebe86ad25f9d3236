# Sourced by the scripts that count checks: count each check, end with `counted`.
passed=0 failed=0

# count NAME COMMAND...: runs a check; the end of its output is shown only if it fails.
count() {
  local name=$1 start=$SECONDS log
  shift
  log=$(mktemp)
  if "$@" > "$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $name ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    tail -n 80 "$log"
    echo "failed: $name"
  fi
  rm -f "$log"
}

# Prints the last line of the script; fails if a check failed.
counted() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
