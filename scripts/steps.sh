# steps.sh - sourced by the scripts that run several test commands and add up what they counted.
# After `step` has run, n_passed, n_failed and n_seconds tell about it; passed and failed about all.
passed=0 failed=0

# step NAME COMMAND... - shows its output; counts by the last line "N passed, N failed" in it; a
# command that fails without a count is one failure.
step()
{
    step_log=build/step.log
    step_started=$(date +%s)
    name=$1
    shift
    mkdir -p build
    echo "== $name"
    { "$@"; echo "exit $?"; } 2>&1 | tee "$step_log"
    counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$step_log" | tail -n 1)
    n_passed=${counts%% *}
    n_passed=${n_passed:-0}
    n_failed=$(echo "${counts:-0 0 0 0}" | awk '{ print $3 }')
    if [ "$(tail -n 1 "$step_log")" != "exit 0" ] && [ "$n_failed" = 0 ]; then n_failed=1; fi
    n_seconds=$(($(date +%s) - step_started))
    passed=$((passed + n_passed)) failed=$((failed + n_failed))
    echo "== $name: $n_passed passed, $n_failed failed, $n_seconds s"
}
