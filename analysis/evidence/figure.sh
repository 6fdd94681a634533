#!/usr/bin/env bash
# The table of fidelity.sh on stdin as a picture, SVG on stdout: for each scenario the error of mean, p50 and p99 latency
# (dots) over what the real runs differ by among themselves (bars).
set -euo pipefail
export LC_ALL=C # awk reads and writes numbers with a point
awk -F'|' '
function number(text) { sub(/ *\(.*/, "", text); return text + 0 }
function spread(text) { sub(/.*\(/, "", text); return text + 0 }
function x(value) { value = value > 8 ? 8 : value < -8 ? -8 : value; return 460 + value * 34 }
/^## / { exit }
/^\| [a-z0-9]+-/ {
    name[++n] = $2; gsub(/ /, "", name[n])
    for (i = 1; i <= 3; i++) { e[n, i] = number($(i + 2)); s[n, i] = spread($(i + 2)) }
}
END {
    split("#2a6f97 #e07a1f #7a4988", color, " "); split("mean p50 p99", what, " ")
    height = 60 + 26 * n
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 780 %d\" font-family=\"sans-serif\" font-size=\"12\">\n", height
    print "<title>Error of the simulation against replays of each scenario on an H200</title>"
    printf "<rect width=\"780\" height=\"%d\" fill=\"#fff\"/>\n", height
    for (value = -8; value <= 8; value += 2) {
        printf "<line x1=\"%d\" x2=\"%d\" y1=\"30\" y2=\"%d\" stroke=\"%s\"/>\n", x(value), x(value), height - 24, value ? "#ddd" : "#888"
        printf "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"#555\">%+d %%</text>\n", x(value), height - 8, value
    }
    for (i = 1; i <= 3; i++) {
        printf "<circle cx=\"%d\" cy=\"16\" r=\"4\" fill=\"%s\"/><text x=\"%d\" y=\"20\">%s latency</text>\n", 180 + 130 * i - 100, color[i], 180 + 130 * i - 90, what[i]
    }
    print "<text x=\"610\" y=\"20\" fill=\"#555\">bar: real runs&#8217; own</text>"
    for (k = 1; k <= n; k++) {
        y = 34 + 26 * (k - 1)
        printf "<text x=\"8\" y=\"%d\">%s</text>\n", y + 14, name[k]
        for (i = 1; i <= 3; i++) {
            row = y + 7 * (i - 1) + 4
            printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"5\" fill=\"%s\" opacity=\"0.25\"/>", x(-s[k, i]), row - 2.5, x(s[k, i]) - x(-s[k, i]), color[i]
            printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>", x(e[k, i]), row, color[i]
            if (e[k, i] > 8 || e[k, i] < -8) printf "<text x=\"%.1f\" y=\"%.1f\" font-size=\"9\">%+.1f</text>", x(e[k, i]) + 6, row + 3, e[k, i]
            print ""
        }
    }
    print "</svg>"
}'
