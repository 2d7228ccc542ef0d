"""Phrases of our own for drawn lectures: fields of study, the forms that slide titles take, and plain words.

Placeholders in templates: {X} a term in title case, {x} a term as it comes, {S} and {s} likewise one of those that a
deck is about, {w} and {W} one word, {n} and {m} small numbers, {num} a number as tables have it, {path}, {url},
{code}, {phrase}, {id} an identifier, {cmd} a command, {name} a made-up person, {year}.
"""

from __future__ import annotations

FIELDS: dict[str, tuple[str, ...]] = {
    field: tuple(" ".join(term.split()) for term in terms.split(","))
    for field, terms in {
        "machine learning": """
            gradient descent, neural network, decision tree, random forest, support vector machine, logistic
            regression, linear model, kernel trick, cross-validation, overfitting, regularisation, loss
            function, attention mechanism, transformer, word embedding, language model, convolution, max
            pooling, dropout, batch normalisation, backpropagation, learning rate, hyperparameter, feature
            selection, bias and variance, k-means clustering, principal component, t-SNE plot, UMAP, ROC curve,
            precision and recall, confusion matrix, reinforcement learning, reward model, Q-learning, policy
            gradient, Markov decision process, Gaussian process, variational autoencoder, diffusion model, beam
            search, tokenizer, perplexity, fine-tuning, transfer learning""",
        "operating systems": """
            virtual memory, page table, paging, segmentation, context switch, scheduler, deadlock, semaphore,
            mutex, critical section, race condition, process, thread, fork and exec, pipe, signal handler,
            system call, interrupt, device driver, file system, inode, journaling, boot loader, kernel module,
            container, memory allocation, cache line, swap space, round robin, priority inversion, producer and
            consumer, socket, shared memory, message queue, demand paging, address translation, TLB, hypervisor,
            RAID level, disk scheduling""",
        "biology": """
            gene expression, DNA sequencing, RNA-seq, single-cell analysis, protein folding, cell cycle,
            mitosis, meiosis, photosynthesis, enzyme kinetics, natural selection, genetic drift, phylogenetic
            tree, read mapping, variant calling, genome assembly, quality control, adapter trimming,
            differential expression, batch effect, gene ontology, pathway analysis, immune response, stem cell,
            antibody, plasmid, CRISPR, epigenetics, metabolism, ecosystem, food web, population genetics,
            membrane potential, synapse, neuron, hormone, mutation, virus""",
        "mathematics": """
            linear algebra, eigenvalue, vector space, determinant, inner product, matrix factorisation, Fourier
            transform, Taylor series, differential equation, boundary condition, chain rule, integral, limit,
            convergence, metric space, compactness, group theory, ring, prime number, modular arithmetic, graph
            colouring, spanning tree, proof by induction, contradiction, set theory, probability space, random
            variable, expectation, variance, central limit theorem, Bayes' theorem, Markov chain, confidence
            interval, hypothesis test, p-value, likelihood, estimator, convex optimisation, Lagrange multiplier,
            simplex method, Newton's method, bisection""",
        "economics": """
            supply and demand, marginal cost, price elasticity, monopoly, oligopoly, perfect competition, GDP,
            inflation, unemployment, interest rate, exchange rate, monetary policy, fiscal policy, public debt,
            trade balance, comparative advantage, game theory, Nash equilibrium, externality, public good, tax
            incidence, labour market, consumer surplus, utility function, budget constraint, risk aversion,
            moral hazard, adverse selection, auction, portfolio theory, option pricing, balance sheet, cash
            flow, business cycle, economic growth, inequality""",
        "history": """
            French Revolution, Roman Empire, Industrial Revolution, Cold War, Silk Road, Black Death,
            Renaissance, Reformation, Enlightenment, colonialism, decolonisation, nationalism, feudalism,
            crusade, Ottoman Empire, Weimar Republic, Great Depression, suffrage movement, civil rights,
            abolition, treaty of Westphalia, Byzantium, Ming dynasty, Meiji restoration, Hanseatic League,
            printing press, migration, oral history, primary source""",
        "programming": """
            for loop, while loop, list comprehension, dictionary, hash table, linked list, binary tree, heap,
            recursion, pointer, struct, class, inheritance, interface, generics, exception handling, unit test,
            debugger, version control, pull request, merge conflict, regular expression, pipeline, build system,
            Makefile, compiler, parser, garbage collection, concurrency, async and await, closure, decorator,
            iterator, generator, data frame, SQL join, index, transaction, REST API, JSON, package manager,
            dependency, continuous integration, shell script, environment variable, file permission, command
            line, text editor, string formatting, sorting, binary search""",
        "physics and engineering": """
            Newton's laws, angular momentum, entropy, heat transfer, wave equation, interference, Maxwell's
            equations, electric field, magnetic flux, capacitor, transistor, operational amplifier, feedback
            loop, PID controller, transfer function, sampling theorem, signal-to-noise ratio, quantum state,
            Schrödinger equation, special relativity, black hole, dark matter, solar cell, wind turbine,
            battery, stress and strain, finite element, Reynolds number, turbulence, CMOS inverter, logic gate,
            flip-flop, state machine, TCP handshake, routing table""",
        "health and society": """
            clinical trial, placebo effect, blood pressure, vaccination, epidemiology, cohort study, informed
            consent, mental health, public policy, social capital, survey design, sampling bias, interview
            guide, qualitative coding, human rights, contract law, data protection, climate change, urban
            planning, sustainability, working memory, cognitive load, motivation, language acquisition,
            phonology, syntax, semantics, pragmatics""",
    }.items()
}

TITLES = (
    *("{X}",) * 12,
    "{x}", "{X} and {X}", "{X}: {x}", "{X} ({x})", "{X} for {x}", "The {x}", "{X} in {x}", "{X} of {x}",
    "{X} with {x}", "Introduction to {X}", "Introduction", "What is {X}?", "What is {x}?", "{X} vs. {X}",
    "{X} vs {x}", "Example: {x}", "Example {n}: {X}", "Example", "Examples of {x}", "Outline", "Agenda ({n})",
    "Agenda", "Definition: {x}", "Overview", "Definition {n}.{m} ({x})", "{X} ({n}/{m})", "{X} ({n})", "{X} {n}",
    "{X} (continued)", "{X}, cont.", "{X} (cont'd)", "Quiz question {n}", "Quiz", "How do we choose {x}?",
    "How does {x} work?", "Why {x}?", "Why do we need {x}?", "When should you use {x}?", "Conclusions",
    "Conclusion", "Summary", "Take-home messages", "References", "Questions?", "Further reading", "Exercise {n}",
    "Exercise {n}: {x}", "Lab {n}: {X}", "Homework {n}", "Chapter {n}: {X}", "Recap: {x}", "Lecture {n}: {X}",
    "Lecture {n}", "Week {n}", "Part {n}", "Part {n}: {X}", "{n}. {X}", "{n}.{m} {X}", "{n}.{m}.{n} {x}",
    "Learning objectives", "Learning goals", "Motivation", "Background", "Related work", "Results", "Discussion",
    "Methods", "Results: {x}", "Methods: {x}", "Case study: {x}", "Theorem {n} ({name})",
    "Proof of Theorem {n}.{m}", "Lemma {n}.{m}", "{name}'s {x}", "{name} and {name} ({year})", "{X} since {year}",
    "{X}, {year}–{year}", "The {name} {x}", "{X} @ {W}", "Step {n}: {x}", "Steps of {x}", "Types of {x}",
    "Properties of {x}", "Advantages of {x}", "Limitations", "Pros & cons", "Limitations of {x}",
    "Applications of {x}", "A short history of {x}", "Key ideas", "Key terms: {x}", "Notation", "Setup", "{id}",
    "{id}()", "The {id} function", "The {id} command", "Using {id}", "{id}: {x}", "{id} vs. {id}", "{id} and {id}",
    "{path}", "{path}/{id}", "Reading {path}", "{url}", "{code}", "{code}: {x}", "{code} {X}", "{X} – {x}",
    "{X} — {x}", "{X} / {X}", "{X} & {X}", "{X} + {x}", "{X} → {X}", "{X} = {x}?", "“{x}”", "{X}!", "{X}...",
    "{X} … {x}", "#{n} {X}", "Problem of {x}", "The problem with {x}", "Comparing {x} and {x}", "From {x} to {x}",
    "Beyond {x}", "Which {x}?", "Demo", "Thank you!", "Thanks!", "Any questions?", "Backup slides", "Appendix",
    "Appendix {W}: {x}", "Announcements", "Logistics", "Course overview", "Today", "Last time", "Next week: {x}",
    "Before we start", "Warm-up", "Group work", "Discussion: {x}", "{X} is {x}", "{X} does not {x}", "Don't {x}",
    "{X}, {x} and {x}", "{W} {W}", "{W}", "{X} at {n}{m} %", "{n}{m} {x}",
    # Names of files and programs, numbers in front and behind: what cannot be guessed must be read.
    "0{m}-{w}", "0{m}-{id}", "{n}{m}-{w}", "{n}-{w}-{w}", "0{m}a-{w}", "{n}{m}b-{w}", "0{m}-{w}-{w} ({n})",
    "{n}{m}-{code}", "{n}-{w} vs {n}-{w}", "{id} ({n})", "{id} ({n})", "{w}.c ({n})", "{w}.h", "{w}.sh ({n})",
    "{w}-{w}-{w}", "{w}-{w} ({x})", "{w}_{w} ({n}.{m}-{n})", "{w}_{n}.{m}.{n}-{m}.{w}", "{code} ({X}) {n} and {m}",
    "{X} ({n} of {n}{m})", "{X} {n}{m}{n}", "{X} ({n}{m} bits)", "{X} – {year}-{n}", "{X}: {X} ({m})",
    "{W} {n}: {X}", "{W} 0{m}: {X}, {X}, & {X}", "{X}: {W} {n}", "{X}... ({n})", "{W} by {w}...", "{X} ..",
    "{url}", "{X} — {url}", "{X} - {x}", "{X} - {w}-{w} {w}: {x} between {x}", "From {x} to {x}-{w}",
    "{X} using {code}: {x} among {x}", "{X} ({code}: {W} {W})", "{W}-{w}", "{X} {m}'s",
)  # fmt: skip

SUBJECT_TITLES = (
    *("{S}", "{S} {s}", "{W} {S}", "{S} {w}") * 3, "{S} of {S}", "{S}: {s}", "{S}: example", "Example: {S}", "{S} II",
    "{S} / {n}", "{S} ({n})", "{S} {s} {s}", "{S} {w} {s}", "{S} vs. {S}", "{S} and {S}", "{w} {S} {w}", "{X} {S}",
    "{S} {x}", "{S}: {x}", "The {s}", "The {s} of {S}", "{S} and {x}", "{W} of {s}", "Properties of {S}", "{S} in {s}",
    "Summary: {S}", "{W} {S} {s}", "{W}-{s} {S}", "{S}: {w} {s}", "{S} for {s}", "{S} ({w} {s})", "{S} with {w} {s}",
    *("0{m}-{s}", "0{m}a-{s}", "0{m}b-{s}", "{n}{m}-{s}", "{s}.c ({n})", "{s} ({n})") * 3, "0{m}-{s} vs 0{m}-{s}",
    "{s}.c ({n} of {n})", "{n}.{m} {S}", "{w}-{s} (2)", "{w}.{s}", "0{m}-{s} (2)",
    "{W} {n}: {s}", "{S} {n}", "{S}-{w} {s}", "{w} {s}", "{x} {s}", "{W} {w} {S}", "{S} on {s} {s}", "Step {n}",
)  # fmt: skip

FOREIGN_TITLES = (
    "Einführung in {x}", "Überblick", "Gliederung", "Zusammenfassung", "Übung {n}: {x}", "Fragen?", "Größe der {x}",
    "Was ist {X}?", "{X} für {x}", "{X} und {x}", "Lösung von {x}", "Literatur", "Nächste Woche: {x}", "Schlüssel: {x}",
    "Introduction à {x}", "Qu’est-ce que {x} ?", "Sommaire", "Références", "Théorème {n}.{m}", "Problème de {x}",
    "{X} et {x}", "L’{x} : {x}", "Méthodes d’{x}", "Résumé", "Où trouver {x} ?", "À propos de {x}", "Évaluation",
    "Introducción a {x}", "¿Qué es {x}?", "Índice", "Conclusión", "{X} y {x}", "Ejercicio {n}: {x}", "¿Cómo {x}?",
    "Más {x}", "Análisis de {x}", "Año {year}: {x}", "¡Gracias!", "Definición {n}.{m}", "Señales de {x}",
)  # fmt: skip

LINES = (
    "{x}", "{X}", "{X}: {x}", "{x} and {x}", "{W} of {x}", "{phrase}", "{phrase}", "{phrase}", "{X} ({x}, {x})",
    "{W} the {x} of {x}", "{X} can be {x}", "not every {x} is {x}", "{x} depends on {x}", "{X} is a {x} for {x}",
    "we {w} the {x} to {w} {x}", "if {x}, then {x}", "{X} → {x}", "e.g. {x}, {x}", "i.e. no {x}", "see {url}",
    "{url}", "{name} et al. ({year})", "{name}, {year}: {x}", "{n}{m} % of {x}", "at least {n} {x}",
    "{x} ≤ {n}.{m}", "{id}: {x}", "use {id} for {x}", "{id} ({x})", "run {id} in {path}", "{x}, {x}, {x}, ...",
    "What about {x}?", "How {x} is {x}?", "the {x} of the {x} is {x}, but {x} is not",
    "{X} was introduced in {year} by {name}", "{phrase}. {phrase}.", "there are {n} kinds of {x}: {x} and {x}",
    "O(n log n) {x}", "“{x}”", "{W}: {n}.{m}", "{phrase} ({x})", "no {x}", "{cmd}", "{cmd}: {x}", "{id}",
    "{W} with {cmd}", "{cmd}, {cmd} and {id}", "{W}: {cmd} -{cmd} {id}", "{cmd} ({x})", "{w} {x} by {cmd} or {cmd}",
    "{x}: {num}", "{W} = {num}", "{w} of {num} and {num}", "from {num} to {num} {x}", "{X} ({num})",
    "{cmd}({w}, {num})",
)  # fmt: skip

CODE = (
    "import {id}", "from {id} import {id}", "def {id}({id}, {id}={n}):", "    return {id}({id}) + {n}",
    "for {id} in {id}:", "    {id}.append({id}[{n}])", "if {id} == {n}:", "    print(f'{{id}} {w}')",
    "{id} = {id}({id}, {n}.{m})", "# {x}", "while ({id} < {n}{m}) {", "int {id} = {n};", "    {id}++;", "}",
    "#include <{id}.h>", "void {id}(int {id}) {", 'printf("%d {w}\\n", {id});', "$ ls -l {path}",
    "$ {id} --{id} {n} {path}", "$ cat {path} | grep {w} | sort -u", "SELECT {id}, {id} FROM {id}",
    "WHERE {id} > {n}", "x <- c({n}, {m}, {n}{m})", "library({id})", "const {id} = {n};", ">>> {id}.{id}()",
    "    self.{id} = {id}", "class {id}:", "    pass", "else:", "try:", "return 0;", "{code}", "// {x}",
    "/* {phrase} */", " * {phrase}", " * {url}", "/*", " */", "#define {code} {n}{m}", "{code}[{n}{m}{n}{m}] {w}={n}",
    "{n}{m}-{id}", "{m}{n}-{w}.{w}", "{id}-{n}.{m}.{m}", "-rw-r--r-- {w} {n}{m}{m}{n} {path}", "{w}/{id}",
    "{id}={n}.{m}", "dh_{w}_{w}", "{id} (>= {n}.{m})", "{path}/{id}", "$ {w} {w} {id}", "[{n}{m}%] {w} {id}",
    "{n}: {w}-{w}", ">>>>> $ ./{n}{m}-{w}", "======", "0x{n}{m}{n}{m}{n}{m} {id} ({x}, {w})", "{w}: {n}{m}{n}",
    "$ ./{id} {n}",
)  # fmt: skip

FORMULAS = (
    "{a}({b}) = {n}{b}² + {c}", "{a} = {b} / ({c} + {n})", "P({a} | {b}) = P({b} | {a}) P({a}) / P({b})",
    "Σ {a} ≤ {n}{b}", "∂{a}/∂{b} = {c}", "{a} ∈ {{0, 1, …, {n}}}", "E[{a}] ≈ {n}.{n} ± 0.{n}",
    "{a}({b}, {c}) → ∞", "∫ {a}({b}) d{b} = {n}π", "|{a} - {b}| < {c}", "{a} = {n}{b} + {n}{c} - 1",
    "{a} ∝ exp(-{b}²/{n})", "log {a} = {n} log {b}", "{a} → {b} → {c}", "∀ {a} ∃ {b}: {a} ≠ {b}",
    "{a} = √({b}² + {c}²)", "O({a} log {a})", "{a}[{b}] = {a}[{b}-1] + {n}",
)  # fmt: skip

NAMES = """
    Abara Almeida Bergstrom Castellan Dvorak Eriksen Fontaine Grünwald Haddad Ivarsson Jablonski Kowalczyk
    Lindqvist Marchetti Novak Okafor Petrov Quintero Rasmussen Sørensen Takeda Ueland Vasquez Weidmann Yilmaz
    Zielinski Müller Lefèvre Peña Nguyen Patel Schäfer Tanaka Oduya Brandt Hoffmann Moreau Conti Silva Larsen
"""

# Enough for tests and a rough model; `word_list.build` gathers far more.
WORDS = """
    able about above account across action active actual address advance advice after again against agent agree
    almost along already although always among amount analysis ancient angle animal annual answer apple approach
    area argue around arrange article aspect assess assume atlas attach attempt author average avoid balance
    barrier basic battle beach beauty because become before begin behave belief below benefit better between
    beyond bicycle border bottle bottom branch breath bridge bright bring broad budget build burden button cabin
    camera campus canvas capital carbon career careful carry castle casual cattle caution center century certain
    chain chair chance change chapter charge chart cheap check chemical chest choice circle citizen civil claim
    class clean clear climb clock close cloud coast coffee collect colour column combine comfort common compare
    compete complex concept concern conduct confirm connect consider constant contact contain content context
    contrast control convert copper corner correct cotton council count couple course court cover craft create
    credit crisis critical culture current curve custom cycle damage danger daughter debate decade decide deep
    defend define degree deliver demand depend depth derive describe desert design detail detect develop device
    differ digital dinner direct disease display distance divide doctor document domain double doubt draft
    dragon drive during eager early earth easy economy edge editor effect effort eight either elbow elder
    element elite embrace emerge employ empty enable energy engage engine enjoy enough ensure entire equal error
    escape estate estimate ethics evening event evolve exact example exceed except exchange exist expand expect
    expert explain explore export expose extend extra fabric factor faith false family famous farmer fashion
    feature fellow fiber field figure filter final finger finish flavor flight floor flower focus follow force
    foreign forest formal former fortune forward found frame freedom frequent friend frozen future galaxy garden
    gather general gentle gesture giant given glass global golden govern grade grain grand grant graph grass
    green ground group growth guide habit handle happen harbor hardly harvest health heart heavy height hidden
    history honest horizon hospital hotel house human hundred idea ideal ignore image impact import improve
    income indeed index indoor inform initial inner input insect inside insist instead intend invent invest
    invite island issue jacket join journal journey judge junior justice kernel kitchen knife knowledge label
    labour ladder language large later latter launch lawyer layer leader league learn leather leave legal lesson
    letter level liberty library lift light limit liquid listen little local logic lonely loose lower loyal
    machine magic major manage manner margin marine market master matter mature maximum measure media member
    memory mental merchant message method middle might military mineral minimum minor minute mirror mission
    mixture mobile model modern module moment monitor month moral motion motor mountain movement multiple museum
    music mutual narrow nation native nature nearby nearly needle neither network neutral nobody normal north
    notice notion novel number object observe obtain obvious occasion occur ocean offer office often online open
    operate opinion option orange order ordinary organ origin other outcome output outside overall owner oxygen
    package palace panel paper parent partial partner passage patient pattern payment people percent perfect
    perform period permit person phase phrase physical picture piece pilot planet plant plastic platform please
    plenty pocket poetry point polar policy popular portion position possible potato powder power practice
    prefer prepare present press pretty prevent price primary prince print prior private prize problem proceed
    process produce profile profit program project promise promote proper protect protein proud prove provide
    public purchase pure purpose quality quantity quarter question quick quiet quite radical random range rapid
    rather reach react ready reason recall receive recent record recover reduce refer reflect reform region
    regular relate release relief remain remark remind remote remove render repair repeat replace report
    represent request require rescue research resist resource respond rest restore result retain return reveal
    review reward rhythm rigid river robust rough round route royal rural safety salary sample satisfy scale
    scene scheme school science scope screen script search season second secret section sector secure select
    senior sense separate series serious serve service session settle seven several shadow shape share sharp
    shelter shift shock shore short should shoulder signal silent silver similar simple since single sketch
    skill sleep slight slope small smooth social society soft soil solar soldier solid solve source south space
    speak special speech speed spirit split spread spring square stable staff stage standard start state station
    status steady steel step stick still stone storage store storm story strange stream street strength stress
    strict strike string strong structure student studio study style subject submit success sudden suffer sugar
    suggest summer supply support surface survey sustain switch symbol system table talent target teach team
    temple tension term test text theory thick think third thought thousand thread threat three through ticket
    tiny tissue title today together token tomorrow tongue topic total touch tourist toward tower track trade
    train transfer travel treat trend trial tribe trigger trouble trust truth twelve twenty type under unify
    union unique unit until update upper urban usage useful usual valley value variety vast vector vehicle
    venture version vessel victim video view village violent virtue visible vision visit vital voice volume
    wagon wander warning waste water wealth weather weight welcome western whether while whole window winter
    wisdom within without wonder wooden worker world worth write yellow young zebra zone
"""
