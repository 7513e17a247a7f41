#!/bin/bash
# The second of the two commands: install, build, run every test. As root on Debian 12.
#
#   tests/run.sh              everything
#   tests/run.sh unit e2e     only these suites: lint tidy unit fuzz conformance e2e memory tsan
#
# Closes with one line "N passed, N failed" over all suites; exits 1 when anything failed or a suite ran no
# test. Other people's conformance data is read from OUTRIDER_VECTORS (default: ../shared/vectors).
set -u
cd "$(dirname "$0")/.." || exit 1
export OUTRIDER_VECTORS=${OUTRIDER_VECTORS:-$(realpath -m ../shared/vectors)}
export PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0 skipped=0

# tally SUITE PASSED FAILED [SKIPPED]: adds to the sums; a suite that ran nothing has failed.
tally() {
    echo "-- $1: $2 passed, $3 failed${4:+, $4 skipped}"
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + ${4:-0}))
    if [ $(($2 + $3)) -eq 0 ] && [ "${4:-0}" -eq 0 ]; then
        echo "-- $1: ran no test"
        failed=$((failed + 1))
    fi
}

# build PRESET [TARGET...]: quiet unless it fails, and then there is nothing to test.
build() {
    local preset=$1 log=$logs/build-$1
    shift
    echo "== building $preset"
    if ! { cmake --preset "$preset" && cmake --build --preset "$preset" ${1:+--target "$@"}; } > "$log" 2>&1; then
        grep -E 'error|warning|FAILED' "$log" | head -n 40
        tail -n 5 "$log"
        echo "the $preset build failed"
        echo "0 passed, 1 failed"
        exit 1
    fi
}

# Runs every Check program of a build (matching a pattern) and adds up what Check says.
run_check_programs() {
    local suite=$1 directory=$2 pattern=$3 good=0 bad=0 program out checks broken
    for program in "$directory"/tests/unit/unit_*; do
        [[ -x $program && ! -d $program && $program =~ $pattern ]] || continue
        out=$logs/$(basename "$program")
        if ! timeout 300 "$program" > "$out" 2>&1; then
            echo "FAILED: $program"
            tail -n 40 "$out"
            grep -q 'Checks:' "$out" || bad=$((bad + 1))
            # A sanitizer's complaint after all checks passed is a failure too.
            grep -qE 'Failures: 0, Errors: 0' "$out" && bad=$((bad + 1))
        fi
        checks=$(sed -nE 's/.*Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+).*/\1/p' "$out" | tail -n 1)
        broken=$(sed -nE 's/.*Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+).*/\2+\3/p' "$out" | tail -n 1)
        broken=$((${broken:-0}))
        good=$((good + ${checks:-0} - broken)) bad=$((bad + broken))
    done
    tally "$suite" "$good" "$bad"
}

# Runs a program that closes with "N passed, N failed"; 77 means that it was skipped, by name.
run_closing_line() {
    local suite=$1 out=$logs/closing status line
    shift
    "$@" > "$out" 2>&1
    status=$?
    if [ $status -eq 77 ]; then
        tail -n 1 "$out"
        tally "$suite" 0 0 1
        return
    fi
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1)
    if [ -z "$line" ] || { [ $status -ne 0 ] && [[ $line == *", 0 failed"* ]]; }; then
        tail -n 40 "$out"
        tally "$suite" 0 1
        return
    fi
    [ $status -eq 0 ] || grep -v '^ok' "$out" | tail -n 60
    tally "$suite" "$(echo "$line" | grep -oE '^[0-9]+')" "$(echo "$line" | sed -E 's/.*, ([0-9]+) failed.*/\1/')"
}

# Runs pytest on the files given against a build; the words of its closing line are the tally.
run_pytest() {
    local suite=$1 directory=$2 out=$logs/pytest-$1 line
    shift 2
    OUTRIDER_BUILD=$PWD/$directory OUTRIDER_RELEASE=$PWD/build/release timeout 1500 \
        $python -m pytest -q -ra -p no:cacheprovider --tb=short "$@" > "$out" 2>&1
    line=$(tail -n 1 "$out")
    word() { echo "$line" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0; }
    local bad=$(($(word failed) + $(word error)))
    [ "$bad" -eq 0 ] && echo "$line" | grep -q passed || tail -n 150 "$out"
    grep -E '^SKIPPED' "$out"
    tally "$suite" "$(word passed)" "$bad" "$(word skipped)"
}

suite_lint() {
    local good=0 bad=0 script
    for script in tests/lint/check_*.py; do
        if $python "$script" build/dev > "$logs/lint" 2>&1; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            echo "$script:"
            tail -n 40 "$logs/lint"
        fi
    done
    if find common milter policyd authd lmtp tests -name '*.[ch]' -print0 |
        xargs -0 clang-format --dry-run -Werror > "$logs/lint" 2>&1; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        head -n 20 "$logs/lint"
    fi
    tally lint $good $bad
}

suite_tidy() {
    local good=0 bad=0
    if cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list=tests/lint/cppcheck.suppressions -j 2 -I . -D_GNU_SOURCE \
        common milter policyd authd lmtp > "$logs/cppcheck" 2>&1; then
        good=1
    else
        bad=1
        head -n 40 "$logs/cppcheck"
    fi
    if find common milter policyd authd lmtp -name '*.c' -print0 |
        xargs -0 -P 2 -n 8 clang-tidy -p build/dev --quiet --warnings-as-errors='*' > "$logs/tidy" 2> /dev/null; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        grep -E 'error|warning' "$logs/tidy" | sort -u | head -n 40
    fi
    tally tidy $good $bad
}

suite_unit() {
    run_check_programs unit build/dev '.'
}

suite_fuzz() {
    local good=0 bad=0 program parser
    for program in build/dev/tests/fuzz/fuzz_*; do
        [[ -x $program && ! -d $program ]] || continue
        parser=${program##*/fuzz_}
        if "$program" "tests/fuzz/corpus/$parser" > "$logs/fuzz" 2>&1; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            echo "FAILED: $program"
            tail -n 30 "$logs/fuzz"
        fi
    done
    tally fuzz $good $bad
}

suite_conformance() {
    local script
    for script in tests/conformance/*.py; do
        run_closing_line "conformance/$(basename "$script" .py)" $python "$script" build/dev
    done
    run_closing_line conformance/sieve build/dev/tests/conformance/conform_sieve tests/conformance/sieve/*.txt
}

suite_e2e() {
    # Leak detection needs ptrace, which a process that left root is not allowed on itself; the unit tests
    # have it on.
    ASAN_OPTIONS=detect_leaks=0 run_pytest e2e build/dev --ignore=tests/e2e/test_memory.py tests/e2e
}

suite_memory() {
    run_pytest memory build/release tests/e2e/test_memory.py
}

suite_tsan() {
    export TSAN_OPTIONS="halt_on_error=0 exitcode=66 suppressions=$PWD/tests/support/tsan.suppressions"
    run_check_programs tsan-unit build/tsan 'common_run|common_dns|session'
    run_pytest tsan-e2e build/tsan tests/e2e/test_key_lookups.py tests/e2e/test_inbound.py tests/e2e/test_submission.py tests/e2e/test_dovecot.py \
        tests/e2e/test_metrics.py tests/e2e/test_milter_sessions.py
}

suites=${*:-lint tidy unit fuzz conformance e2e memory tsan}
for suite in $suites; do
    declare -F "suite_$suite" > /dev/null || {
        echo "usage: tests/run.sh [lint] [tidy] [unit] [fuzz] [conformance] [e2e] [memory] [tsan]" >&2
        exit 64
    }
done
packaging/install-packages.sh build run test || exit 1
build dev
case " $suites " in *" memory "*) build release ;; esac
case " $suites " in *" tsan "*) build tsan ;; esac
for suite in $suites; do
    echo "== $suite"
    "suite_$suite"
done
echo
[ $skipped -eq 0 ] || echo "skipped, as named above: $skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
