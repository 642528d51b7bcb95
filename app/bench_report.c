/* app/bench_report.c - writes reports: the machine, what is built in, then networks by cmd_bench.c. */
#include "app/bench_report.h"

#include "app/machine.h"
#include "app/selftest.h"
#include "app/kernel_slots.h"
#include "runtime/cores.h"
#include "runtime/cpu.h"
#include "runtime/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#elif defined(__arm__)
#define ARCH "arm"
#else
#define ARCH "other"
#endif

static void json_build(ps_json *j)
{
    ps_json_object(j, "build");
    ps_json_text(j, "arch", ARCH);
    ps_json_text(j, "compiler", __VERSION__);
    ps_json_bool(j, "openmp", PS_WITH_OPENMP);
    ps_json_bool(j, "jpeg", PS_WITH_JPEG);
    ps_json_bool(j, "png", PS_WITH_PNG);
    ps_json_text(j, "threads", ps_threading());
    ps_json_end(j);
}

static void json_slot(void *ctx, const char *slot, const char *isa)
{
    ps_json_text(ctx, slot, isa);
}

/* Self-test included: times of kernels that are wrong are worth nothing. */
static poise_status json_kernels(ps_json *j, const char *isa)
{
    const char *known, *asked = isa ? isa : getenv("POISE_ISA");
    unsigned found = ps_cpu_flags(), use = found;
    ps_kernels k;
    PS_REQUIRE(ps_kernels_cap(asked, &use, &known), POISE_BAD_ARGUMENT, "isa: '%.40s' is not one of %s", asked, known);
    ps_kernels_select(&k, use);
    ps_json_object(j, "isa");
    ps_json_array(j, "found");
    for (const ps_isa *i = ps_isas; i->name; i++)
        if ((i->need & found) == i->need) ps_json_text(j, NULL, i->name);
    ps_json_end(j);
    ps_json_array(j, "built_in");
    for (const ps_isa *i = ps_isas; i->name; i++) ps_json_text(j, NULL, i->name);
    ps_json_end(j);
    ps_json_text(j, "used", k.name);
    ps_json_end(j);
    ps_json_object(j, "kernels");
    ps_slots_each(&k, json_slot, j);
    ps_json_end(j);
    ps_json_bool(j, "self_test", ps_selftest(&k, NULL));
    return POISE_OK;
}

static void json_threads(ps_json *j)
{
    ps_crew c;
    char cpus[PS_CPU_LIST_TEXT];
    ps_crew_choose(0, &c);
    ps_json_int(j, "default_threads", c.cores);
    if (c.cpus) ps_json_text(j, "default_cpus", ps_cpu_list_text(c.cpus, cpus));
}

/* A file appears there only at the end: until then whoever interrupts us finds what was there before. */
static poise_status can_write(const char *path)
{
    ps_outfile o;
    PS_TRY(ps_cli_create(&o, path));
    fclose(o.f);
    unlink(o.part);
    ps_cli_release();
    return POISE_OK;
}

poise_status ps_report_begin(ps_report *r, const ps_args *a)
{
    ps_machine m;
    *r = (ps_report){.path = a->report};
    PS_TRY(can_write(r->path));
    r->f = tmpfile();
    PS_REQUIRE(r->f, POISE_IO, "no temporary file for the report: %s", strerror(errno));
    r->json = ps_json_begin(r->f);
    ps_json *j = &r->json;
    ps_machine_read("", &m);
    ps_json_object(j, NULL);
    ps_json_text(j, "schema", "poise-report-1");
    ps_json_text(j, "poise", poise_version());
    json_build(j);
    ps_json_object(j, "machine");
    ps_machine_json(j, &m);
    json_threads(j);
    ps_json_end(j);
    PS_TRY(json_kernels(j, a->isa));
    ps_json_array(j, "networks");
    return POISE_OK;
}

static poise_status copy(FILE *from, const char *path)
{
    char part[4096];
    ps_outfile o;
    rewind(from);
    PS_TRY(ps_cli_create(&o, path));
    for (size_t n; (n = fread(part, 1, sizeof part, from)) > 0;) fwrite(part, 1, n, o.f);
    return ps_cli_commit(&o);
}

poise_status ps_report_end(ps_report *r)
{
    ps_json *j = &r->json;
    ps_sensors s;
    ps_sensors_read("", &s);
    ps_json_end(j);
    ps_json_object(j, "after");
    ps_sensors_json(j, &s);
    ps_json_end(j);
    ps_json_end(j);
    fputc('\n', r->f);
    PS_REQUIRE(!fflush(r->f) && !ferror(r->f), POISE_IO, "the report could not be written to a temporary file");
    poise_status status = copy(r->f, r->path);
    ps_report_drop(r);
    return status;
}

void ps_report_drop(ps_report *r)
{
    if (r->f) fclose(r->f);
    *r = (ps_report){0};
}
