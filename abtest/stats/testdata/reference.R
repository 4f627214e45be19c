# Writes reference.json: each value beside the R call that gave it.
#
#   Rscript reference.R > reference.json        (R 4.2.2, base packages only)
#
# The tests read reference.json and need no R. Where base R has no function the
# formula of the publication is written out here, independent of the Go code.

records <- character()
quoted <- function(s) paste0('"', gsub('"', '\\\\"', gsub('\\\\', '\\\\\\\\', s)), '"')
digits <- function(xs) vapply(as.numeric(xs), function(x) {
  for (format in c("%.15g", "%.16g", "%.17g")) if (as.numeric(sprintf(format, x)) == x) break
  sprintf(format, x)
}, "")
array <- function(xs) paste0("[", paste(digits(xs), collapse = ", "), "]")

# reference records a case: the arguments of the Go function of this name, and
# the wanted fields as unevaluated R calls that see these arguments.
reference <- function(name, call, args, want, source = "") {
  env <- list2env(args, parent = globalenv())
  fields <- vapply(names(want), function(field) {
    value <- eval(want[[field]], env)
    if (length(value) == 0 || !all(is.finite(value))) stop(name, ": ", field, " is not finite")
    text <- paste(trimws(deparse(want[[field]], width.cutoff = 500)), collapse = " ")
    sprintf('      {"field": %s, "r": %s, "values": %s}', quoted(field), quoted(text), array(value))
  }, "")
  given <- vapply(names(args), function(a) sprintf("%s: %s", quoted(a), array(args[[a]])), "")
  records[length(records) + 1] <<- sprintf(
    '  {"name": %s, "call": %s, "source": %s,\n    "args": {%s},\n    "want": [\n%s\n    ]}',
    quoted(name), quoted(call), quoted(source), paste(given, collapse = ", "), paste(fields, collapse = ",\n"))
}

# --- means -------------------------------------------------------------------

# Hedges 1981: the exact correction.
hedges <- function(a, b) {
  m <- length(a) + length(b) - 2
  s <- sqrt(((length(a) - 1) * var(a) + (length(b) - 1) * var(b)) / m)
  (mean(b) - mean(a)) / s * exp(lgamma(m / 2) - lgamma((m - 1) / 2)) / sqrt(m / 2)
}

welch <- function(name, a, b, source = "", extra = list()) {
  want <- alist(
    p_value = t.test(b, a)$p.value,
    statistic = t.test(b, a)$statistic,
    df = t.test(b, a)$parameter,
    ci_welch = t.test(b, a)$conf.int,
    means = c(mean(a), mean(b)),
    stddevs = c(sd(a), sd(b)),
    hedges_g = hedges(a, b),
    probability = pt(t.test(b, a)$statistic, t.test(b, a)$parameter))
  reference(name, "means", list(a = a, b = b), c(want, extra), source)
}
ranks <- alist(mann_whitney_p = suppressWarnings(wilcox.test(b, a)$p.value))

welch("sleep", sleep$extra[1:10], sleep$extra[11:20], "Student 1908, Biometrika 6; R datasets::sleep", ranks)
welch("tooth growth by supplement", ToothGrowth$len[ToothGrowth$supp == "OJ"], ToothGrowth$len[ToothGrowth$supp == "VC"],
  "Crampton 1947; R datasets::ToothGrowth", ranks)
welch("plant growth", PlantGrowth$weight[1:10], PlantGrowth$weight[21:30], "Dobson 1983; R datasets::PlantGrowth", ranks)
welch("fuel use of automatic and manual cars", mtcars$mpg[mtcars$am == 0], mtcars$mpg[mtcars$am == 1], "R datasets::mtcars", ranks)
welch("sepals of iris", iris$Sepal.Length[1:50], iris$Sepal.Length[51:100], "Fisher 1936; R datasets::iris", ranks)
welch("petals of iris, far apart", iris$Petal.Length[1:50], iris$Petal.Length[101:150], "Fisher 1936; R datasets::iris", ranks)
welch("counts of insects", InsectSprays$count[1:12], InsectSprays$count[25:36], "Beall 1942; R datasets::InsectSprays", ranks)
welch("weights of chicks", chickwts$weight[chickwts$feed == "horsebean"], chickwts$weight[chickwts$feed == "linseed"],
  "R datasets::chickwts", ranks)
welch("speed of light, first and last series", morley$Speed[1:20], morley$Speed[81:100], "Michelson 1882; R datasets::morley", ranks)
welch("permeability of membranes", c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46), c(1.15, 0.88, 0.90, 0.74, 1.21),
  "Hollander and Wolfe 1973, p. 69f", ranks)
welch("two against two", c(1, 2), c(4, 6), "", ranks)
welch("two against a hundred", c(3.5, 9.25), (1:100) / 7, "", ranks)
welch("latencies", c(812, 905, 1100, 765, 990, 1230, 870, 940), c(700, 650, 910, 820, 690, 640, 760, 845), "", ranks)
welch("costs in fractions of a cent", c(31, 27, 44, 38, 29, 35) * 1e-6, c(22, 25, 31, 19, 24, 27) * 1e-6, "", ranks)
welch("one arm constant", c(5, 5, 5, 5, 5), c(6.1, 4.9, 5.8, 7.2, 6.6, 5.4))
welch("very unequal variances", c(1, 2, 3, 4, 5) * 1e-6, c(-900, 1200, 450, -300, 2100))
welch("a p-value of 1e-67", (1:40 %% 7), 300 + (1:40 %% 5), "", ranks)
welch("a p-value below 1e-200", (1:120 %% 11) / 10, 8 + (1:110 %% 13) / 10, "", ranks)
welch("interleaved, forty-nine an arm", 100 * sin(1:49), 100 * sin(50:98) + 12, "", ranks)
welch("fifty an arm: ranks are approximated", 100 * sin(1:50), 100 * sin(51:100) + 12, "", ranks)
welch("hundreds of degrees of freedom", round(qlnorm(ppoints(300)), 3), round(1.1 * qlnorm(ppoints(250)), 3), "", ranks)
welch("thousands of degrees of freedom", 5 + round(qnorm(ppoints(1300)), 2), 5 + round(qnorm(ppoints(1100)), 2) + 0.05, "")
welch("thousands of degrees of freedom, far apart", 5 + round(qnorm(ppoints(1300)), 2), 5 + round(qnorm(ppoints(1100)), 2) + 0.8, "")
welch("huge scores", c(1.5, 2.25, 3.125, 2.75) * 1e70, c(3.5, 4.25, 3.875, 5) * 1e70, "")
welch("tiny scores", c(1.5, 2.25, 3.125, 2.75) * 1e-70, c(3.5, 4.25, 3.875, 5) * 1e-70, "")

# An offset changes no test. R calls such data "essentially constant", so its
# values are those of the scores without the offset.
offset <- function(name, a, b, by) {
  reference(name, "offset_means", list(a = a, b = b, by = by), alist(
    p_value = t.test(b, a)$p.value, statistic = t.test(b, a)$statistic, df = t.test(b, a)$parameter,
    ci_welch = t.test(b, a)$conf.int, stddevs = c(sd(a), sd(b)), hedges_g = hedges(a, b)))
}
offset("offset of 1e9", c(1, 2, 4, 8, 16), c(3, 9, 27, 5, 11), 1e9)
offset("offset of 1e15", c(1, 2, 4, 8, 16), c(3, 9, 27, 5, 11), 1e15)
offset("offset of 1e15, hundreds", (1:300 * 7) %% 41, (1:300 * 11) %% 53, 1e15)
offset("offset of -1e15", c(1, 2, 4, 8, 16, 32), c(3, 9, 27, 81, 243, 729), -1e15)

# --- Student's t and the normal distribution -----------------------------------

for (nu in c(1, 1.5, 2, 3.7, 8.3, 29, 98, 499.2, 998, 1999, 2001, 9998, 99998, 1e6, 2e7)) {
  t <- c(1e-8, 0.3, 1, 1.96, 2.5, 4, 9, 25, 33)
  reference(sprintf("tail of t with %g degrees of freedom", nu), "student_tail", list(df = nu, t = t),
    alist(p = 2 * exp(pt(t, df, lower.tail = FALSE, log.p = TRUE))))
  p <- c(0.9, 0.5, 0.05, 0.01, 1e-4, 1e-6)
  reference(sprintf("quantile of t with %g degrees of freedom", nu), "student_quantile", list(df = nu, p = p),
    alist(t = qt(p / 2, df, lower.tail = FALSE)))
}
for (lp in c(-30, -100, -250)) for (nu in c(5, 29.5, 998, 9998, 1e6)) {
  t <- qt(lp * log(10), nu, lower.tail = FALSE, log.p = TRUE)
  reference(sprintf("tail of t near 1e%d with %g degrees of freedom", lp, nu), "student_tail", list(df = nu, t = t),
    alist(p = 2 * exp(pt(t, df, lower.tail = FALSE, log.p = TRUE))))
}
reference("tail of the normal distribution", "normal_tail", list(z = c(0, 1e-9, 0.5, 1.96, 5, 8.3, 20, 33.8)),
  alist(p = 2 * exp(pnorm(z, lower.tail = FALSE, log.p = TRUE))))
reference("quantile of the normal distribution", "normal_quantile", list(p = c(1e-12, 5e-7, 0.001, 0.025, 0.2, 0.4999, 0.5, 0.8, 0.999)),
  alist(z = qnorm(p, lower.tail = FALSE)))
reference("noncentral t", "noncentral_upper", list(t = c(4.302652729911275, 2.1, 1.98, 1.96, 1.96), df = c(2, 18, 98, 1998, 20000), ncp = c(3, 2.5, 2.8, 0.1, 4)),
  alist(p = pt(t, df, ncp, lower.tail = FALSE)))

# --- proportions ----------------------------------------------------------------

wilson <- function(x, n, level = 0.95) suppressWarnings(prop.test(x, n, conf.level = level, correct = FALSE)$conf.int)
newcombe <- function(x, n) {
  p <- x / n
  w1 <- wilson(x[1], n[1]); w2 <- wilson(x[2], n[2])
  c(p[2] - p[1] - sqrt((p[2] - w2[1])^2 + (w1[2] - p[1])^2), p[2] - p[1] + sqrt((w2[2] - p[2])^2 + (p[1] - w1[1])^2))
}
# Without the continuity correction prop.test is the square of the pooled z.
rates <- function(name, x, n, source = "", undefined = FALSE) {
  want <- alist(ci = newcombe(x, n), means = x / n,
    probability = integrate(function(q) dbeta(q, x[2] + 1, n[2] - x[2] + 1) * pbeta(q, x[1] + 1, n[1] - x[1] + 1),
      0, 1, rel.tol = 1e-13, subdivisions = 5000)$value)
  if (!undefined) want <- c(want, alist(
    p_value = suppressWarnings(prop.test(x, n, correct = FALSE)$p.value),
    statistic_squared = suppressWarnings(prop.test(x, n, correct = FALSE)$statistic)))
  reference(name, "rates", list(x = x, n = n), want, source)
}
paper <- "Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10"
rates("Newcombe a", c(48, 56), c(80, 70), paper)
rates("Newcombe b", c(3, 9), c(10, 10), paper)
rates("Newcombe c", c(2, 6), c(7, 7), paper)
rates("Newcombe d", c(0, 5), c(29, 56), paper)
rates("Newcombe e", c(0, 0), c(20, 10), paper, undefined = TRUE)
rates("Newcombe f", c(0, 0), c(10, 10), paper, undefined = TRUE)
rates("Newcombe g", c(0, 10), c(20, 10), paper)
rates("Newcombe h", c(0, 10), c(10, 10), paper)
rates("smokers", c(83, 90), c(86, 93), "Fleiss 1981, p. 139; R example(prop.test)")
rates("aspirin and heart attacks", c(189, 104), c(11034, 11037), "Physicians' Health Study 1988; Agresti 2002, p. 37")
rates("rates far apart", c(200, 800), c(1000, 1000))
rates("equal rates", c(30, 60), c(100, 200))

reference("Wilson intervals", "wilson", list(x = c(81, 15, 0, 1, 20, 7, 500), n = c(263, 148, 20, 29, 20, 10, 1000)),
  alist(intervals = mapply(wilson, x, n)), "Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3")
reference("Wilson intervals of 99 %", "wilson99", list(x = c(81, 0, 7), n = c(263, 20, 10)),
  alist(intervals = mapply(wilson, x, n, 0.99)))

# --- sequential -----------------------------------------------------------------

tau2 <- function(a, b, n, alpha = 0.05) (var(a) + var(b)) * (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / n
v <- function(a, b) var(a) / length(a) + var(b) / length(b)
L <- function(a, b, n) { V <- v(a, b); T <- tau2(a, b, n); sqrt(V / (V + T)) * exp(T * (mean(b) - mean(a))^2 / (2 * V * (V + T))) }
sequence <- function(a, b, n, alpha = 0.05) {
  V <- v(a, b); T <- tau2(a, b, n)
  mean(b) - mean(a) + c(-1, 1) * sqrt(V * (V + T) / T * (2 * log(1 / alpha) + log((V + T) / V)))
}
for (s in list(list("a clear difference", 0.6, 500), list("a small difference", 0.1, 500), list("planned for 5000", 0.6, 5000))) {
  reference(paste("sequential,", s[[1]]), "sequential",
    list(a = qnorm(ppoints(80)), b = qnorm(ppoints(120)) * 1.2 + s[[2]], planned = s[[3]]),
    alist(sequential_p = min(1, 1 / L(a, b, planned)), sequential_ci = sequence(a, b, planned)))
}

# --- paired ---------------------------------------------------------------------

paired <- function(name, a, b, source = "") reference(name, "paired_means", list(a = a, b = b), alist(
  p_value = t.test(b, a, paired = TRUE)$p.value, statistic = t.test(b, a, paired = TRUE)$statistic,
  df = t.test(b, a, paired = TRUE)$parameter, ci = t.test(b, a, paired = TRUE)$conf.int, difference = mean(b - a)), source)
paired("sleep, paired", sleep$extra[1:10], sleep$extra[11:20], "Student 1908, Biometrika 6; R datasets::sleep")
paired("depression scale", c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30), c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29),
  "Hollander and Wolfe 1973, p. 29f")
paired("two rows", c(1, 2), c(3, 5))
paired("many rows, nearly the same", 1e3 + (1:200 %% 17), 1e3 + (1:200 %% 17) + (1:200 %% 3) / 8)

# Newcombe 1998: cells both, only A, only B, none.
paired_newcombe <- function(both, onlyA, onlyB, none) {
  n <- both + onlyA + onlyB + none
  pa <- (both + onlyA) / n; pb <- (both + onlyB) / n
  wa <- wilson(both + onlyA, n); wb <- wilson(both + onlyB, n)
  m <- (both + onlyA) * (onlyB + none) * (both + onlyB) * (onlyA + none)
  c0 <- both * none - onlyA * onlyB
  phi <- if (m == 0) 0 else (if (c0 > 0) max(c0 - n / 2, 0) else c0) / sqrt(m)
  dl <- pb - wb[1]; du <- wa[2] - pa; el <- pa - wa[1]; eu <- wb[2] - pb
  c(pb - pa - sqrt(dl^2 - 2 * phi * dl * du + du^2), pb - pa + sqrt(eu^2 - 2 * phi * eu * el + el^2))
}
mcnemar <- function(name, both, onlyA, onlyB, none, source = "") reference(name, "mcnemar",
  list(cells = c(both, onlyA, onlyB, none)), alist(
  p_value = 2 * pbinom(min(cells[2:3]) - 1, cells[2] + cells[3], 0.5) + dbinom(min(cells[2:3]), cells[2] + cells[3], 0.5),
  ci = paired_newcombe(cells[1], cells[2], cells[3], cells[4]), difference = (cells[3] - cells[2]) / sum(cells)), source)
mcnemar("airway hyper-responsiveness", 1, 1, 7, 12, "Bentur 2009 in Fagerland 2013, BMC Med Res Methodol 13:91: mid-p 0.039")
mcnemar("complete response", 59, 6, 16, 80, "Cavo 2012 in Fagerland 2013: mid-p 0.035")
mcnemar("approval of the prime minister", 794, 150, 86, 570, "Agresti 1990, p. 350; R example(mcnemar.test)")
mcnemar("balanced", 10, 5, 5, 10)
mcnemar("only one side", 20, 0, 12, 18)
mcnemar("negative association", 3, 30, 14, 3)
mcnemar("hundreds of changed rows", 4000, 100, 450, 3000)
mcnemar("Newcombe, 36 and 12 of 50", 36, 2, 12, 0, "Newcombe 1998, Statistics in Medicine 17:2635-2650")

# --- ranks ----------------------------------------------------------------------

reference("ranks, nine against eleven", "ranks", list(a = c(1, 4, 6, 9, 12, 15, 18, 19, 22), b = c(2, 3, 5, 7, 8, 10, 11, 13, 14, 16, 17)),
  alist(p = suppressWarnings(wilcox.test(b, a)$p.value)))
reference("ranks, wholly apart", "ranks", list(a = 1:20, b = 21:45), alist(p = suppressWarnings(wilcox.test(b, a)$p.value)))
reference("ranks, many ties", "ranks", list(a = c(1, 1, 2, 2, 2, 3, 3), b = c(2, 2, 3, 3, 3, 4, 4, 4)),
  alist(p = suppressWarnings(wilcox.test(b, a)$p.value)))
reference("ranks of zeros and ones", "ranks", list(a = rep(c(0, 1), c(40, 60)), b = rep(c(0, 1), c(25, 75))),
  alist(p = suppressWarnings(wilcox.test(b, a)$p.value)))
reference("ranks, same middle", "ranks", list(a = c(1, 2, 2, 3), b = c(1, 2, 2, 3)),
  alist(p = suppressWarnings(wilcox.test(b, a)$p.value)))

# --- several tests, ratio, agreement ---------------------------------------------

reference("Holm", "holm", list(p = c(0.01, 0.02, 0.03, 0.04, 0.05)), alist(adjusted = p.adjust(p, "holm")))
reference("Holm, unordered with ties", "holm", list(p = c(0.04, 0.0004, 0.04, 0.9, 1e-200, 0.0004)), alist(adjusted = p.adjust(p, "holm")))
reference("Holm, one", "holm", list(p = 0.03), alist(adjusted = p.adjust(p, "holm")))

ratio <- function(name, n, share) reference(name, "ratio", list(n = n, share = share),
  alist(p = chisq.test(n, p = c(1 - share, share))$p.value))
ratio("ratio of halves, close", c(5021, 4979), 0.5)
ratio("ratio of halves, off", c(821588, 815482), 0.5)
ratio("ratio of one in ten", c(9060, 940), 0.1)
ratio("ratio far off", c(6000, 4000), 0.5)

kappa <- function(m) { n <- sum(m); e <- sum(rowSums(m) * colSums(m)) / n^2; (sum(diag(m)) / n - e) / (1 - e) }
reference("kappa of two psychologists", "kappa", list(cells = c(88, 10, 2, 14, 40, 6, 18, 10, 12)), alist(kappa = kappa(matrix(cells, 3))),
  "Cohen 1960, table 1: 0.492")
reference("kappa of two readers", "kappa", list(cells = c(20, 10, 5, 15)), alist(kappa = kappa(matrix(cells, 2))))
reference("kappa below chance", "kappa", list(cells = c(5, 20, 25, 4)), alist(kappa = kappa(matrix(cells, 2))))

# --- guardrails -------------------------------------------------------------------

guard <- function(name, a, b, margin) reference(name, "guard_means", list(a = a, b = b, margin = margin), alist(
  p_value = t.test(b, a, mu = margin, alternative = "less")$p.value,
  worse_by_upper = t.test(b, a)$conf.int[2]))
guard("guardrail on latencies, held", c(812, 905, 1100, 765, 990, 1230, 870, 940), c(700, 650, 910, 820, 690, 640, 760, 845), 50)
guard("guardrail on means, not shown", sleep$extra[1:10], sleep$extra[11:20], 1)
guard("guardrail on means, inside", sleep$extra[1:10], sleep$extra[11:20], 6)

# Farrington and Manning 1990, closed form of the restricted rates.
farrington <- function(x1, n1, x2, n2, s) {
  p1 <- x1 / n1; p2 <- x2 / n2; theta <- n2 / n1
  a <- 1 + theta; b <- -(1 + theta + p1 + theta * p2 + s * (theta + 2))
  c <- s^2 + s * (2 * p1 + theta + 1) + p1 + theta * p2; d <- -p1 * s * (1 + s)
  v <- b^3 / (27 * a^3) - b * c / (6 * a^2) + d / (2 * a)
  u <- (if (v > 0) 1 else -1) * sqrt(b^2 / (9 * a^2) - c / (3 * a))
  w <- (pi + acos(v / u^3)) / 3
  q1 <- 2 * u * cos(w) - b / (3 * a); q2 <- q1 - s
  (p1 - p2 - s) / sqrt(q1 * (1 - q1) / n1 + q2 * (1 - q2) / n2)
}
guard_rates <- function(name, x, n, margin) reference(name, "guard_rates", list(x = x, n = n, margin = margin), alist(
  statistic = farrington(x[2], n[2], x[1], n[1], -margin), p_value = pnorm(-farrington(x[2], n[2], x[1], n[1], -margin))))
guard_rates("guardrail on rates", c(80, 78), c(100, 100), 0.1)
guard_rates("guardrail on rates, unequal arms", c(160, 371), c(200, 450), 0.05)
guard_rates("guardrail on rates, lost", c(90, 70), c(100, 100), 0.1)
guard_rates("guardrail on rates, large", c(4321, 4275), c(5000, 5000), 0.02)

# --- power --------------------------------------------------------------------------

size_t <- function(name, delta, sd, alpha, power, source = "") reference(name, "size_means",
  list(delta = delta, sd = sd, alpha = alpha, power = power),
  alist(n = power.t.test(delta = delta, sd = sd, sig.level = alpha, power = power, tol = 1e-13)$n), source)
size_t("size, R's example", 1, 1, 0.05, 0.90, "R example(power.t.test): n = 22.02110")
size_t("size, a tenth of a deviation", 0.1, 1, 0.05, 0.8)
size_t("size, a hundredth of a deviation", 0.01, 1, 0.05, 0.8)
size_t("size, large effect", 30, 10, 0.05, 0.9)
size_t("size, strict level", 12, 40, 0.001, 0.95)
size_p <- function(name, p1, p2, alpha, power, source = "") reference(name, "size_rates",
  list(p1 = p1, p2 = p2, alpha = alpha, power = power),
  alist(n = power.prop.test(p1 = p1, p2 = p2, sig.level = alpha, power = power, tol = 1e-13)$n), source)
size_p("size of rates, R's example", 0.50, 0.75, 0.05, 0.90, "R example(power.prop.test): n = 76.7")
size_p("size of rates, one percent more", 0.10, 0.11, 0.05, 0.8)
size_p("size of rates, downwards", 0.30, 0.25, 0.01, 0.9)
reference("power of means", "power_means", list(n = c(20, 64, 500, 2), delta = c(1, 0.5, 0.1, 3)),
  alist(power = mapply(function(n, delta) power.t.test(n = n, delta = delta)$power, n, delta)))
reference("power of rates", "power_rates", list(n = c(50, 200, 5000), p1 = c(0.5, 0.1, 0.20), p2 = c(0.75, 0.2, 0.21)),
  alist(power = mapply(function(n, p1, p2) power.prop.test(n = n, p1 = p1, p2 = p2)$power, n, p1, p2)))

cat("[\n", paste(records, collapse = ",\n"), "\n]\n", sep = "")
