/* runtime/arm_parts.c - what MIDR_EL1 calls ARM cores, by implementer and part. */
#include "runtime/topology.h"

enum { ARM = 0x41, CAVIUM = 0x43, FUJITSU = 0x46, HISILICON = 0x48, NVIDIA = 0x4e, APM = 0x50, QUALCOMM = 0x51, SAMSUNG = 0x53, MARVELL = 0x56,
       APPLE = 0x61, PHYTIUM = 0x70, AMPERE = 0xc0 };
enum { IN_ORDER = 1 };

static const struct {
    uint8_t implementer, in_order;
    uint16_t part;
    const char *name;
} parts[] = {
    {ARM, IN_ORDER, 0xc05, "Cortex-A5"},   {ARM, IN_ORDER, 0xc07, "Cortex-A7"},   {ARM, IN_ORDER, 0xc08, "Cortex-A8"},
    {ARM, 0, 0xc09, "Cortex-A9"},          {ARM, 0, 0xc0d, "Cortex-A12"},         {ARM, 0, 0xc0e, "Cortex-A17"},
    {ARM, 0, 0xc0f, "Cortex-A15"},         {ARM, IN_ORDER, 0xd01, "Cortex-A32"},  {ARM, IN_ORDER, 0xd02, "Cortex-A34"},
    {ARM, IN_ORDER, 0xd03, "Cortex-A53"},  {ARM, IN_ORDER, 0xd04, "Cortex-A35"},  {ARM, IN_ORDER, 0xd05, "Cortex-A55"},
    {ARM, 0, 0xd06, "Cortex-A65"},         {ARM, 0, 0xd07, "Cortex-A57"},         {ARM, 0, 0xd08, "Cortex-A72"},
    {ARM, 0, 0xd09, "Cortex-A73"},         {ARM, 0, 0xd0a, "Cortex-A75"},         {ARM, 0, 0xd0b, "Cortex-A76"},
    {ARM, 0, 0xd0c, "Neoverse-N1"},        {ARM, 0, 0xd0d, "Cortex-A77"},         {ARM, 0, 0xd0e, "Cortex-A76AE"},
    {ARM, 0, 0xd40, "Neoverse-V1"},        {ARM, 0, 0xd41, "Cortex-A78"},         {ARM, 0, 0xd42, "Cortex-A78AE"},
    {ARM, 0, 0xd43, "Cortex-A65AE"},       {ARM, 0, 0xd44, "Cortex-X1"},          {ARM, IN_ORDER, 0xd46, "Cortex-A510"},
    {ARM, 0, 0xd47, "Cortex-A710"},        {ARM, 0, 0xd48, "Cortex-X2"},          {ARM, 0, 0xd49, "Neoverse-N2"},
    {ARM, 0, 0xd4a, "Neoverse-E1"},        {ARM, 0, 0xd4b, "Cortex-A78C"},        {ARM, 0, 0xd4c, "Cortex-X1C"},
    {ARM, 0, 0xd4d, "Cortex-A715"},        {ARM, 0, 0xd4e, "Cortex-X3"},          {ARM, 0, 0xd4f, "Neoverse-V2"},
    {ARM, IN_ORDER, 0xd80, "Cortex-A520"}, {ARM, 0, 0xd81, "Cortex-A720"},        {ARM, 0, 0xd82, "Cortex-X4"},
    {ARM, 0, 0xd84, "Neoverse-V3"},        {ARM, 0, 0xd85, "Cortex-X925"},        {ARM, 0, 0xd87, "Cortex-A725"},
    {ARM, 0, 0xd8e, "Neoverse-N3"},        {CAVIUM, IN_ORDER, 0x0a1, "ThunderX"}, {CAVIUM, 0, 0x0af, "ThunderX2"},
    {FUJITSU, 0, 0x001, "A64FX"},          {HISILICON, 0, 0xd01, "TSV110"},       {HISILICON, 0, 0xd40, "Cortex-A76 (HiSilicon)"},
    {NVIDIA, IN_ORDER, 0x000, "Denver"},   {NVIDIA, IN_ORDER, 0x003, "Denver 2"}, {NVIDIA, 0, 0x004, "Carmel"},
    {APM, 0, 0x000, "X-Gene"},             {QUALCOMM, 0, 0x001, "Oryon"},         {QUALCOMM, 0, 0x04d, "Krait"},
    {QUALCOMM, 0, 0x06f, "Krait"},         {QUALCOMM, 0, 0x201, "Kryo"},          {QUALCOMM, 0, 0x205, "Kryo"},
    {QUALCOMM, 0, 0x211, "Kryo"},          {QUALCOMM, 0, 0x800, "Kryo 2xx Gold (A73)"},
    {QUALCOMM, IN_ORDER, 0x801, "Kryo 2xx Silver (A53)"},                         {QUALCOMM, 0, 0x802, "Kryo 3xx Gold (A75)"},
    {QUALCOMM, IN_ORDER, 0x803, "Kryo 3xx Silver (A55)"},                         {QUALCOMM, 0, 0x804, "Kryo 4xx Gold (A76)"},
    {QUALCOMM, IN_ORDER, 0x805, "Kryo 4xx Silver (A55)"},                         {QUALCOMM, 0, 0xc00, "Falkor"},
    {SAMSUNG, 0, 0x001, "Exynos M1"},      {SAMSUNG, 0, 0x002, "Exynos M3"},      {SAMSUNG, 0, 0x003, "Exynos M4"},
    {SAMSUNG, 0, 0x004, "Exynos M5"},      {MARVELL, 0, 0x581, "PJ4"},            {MARVELL, 0, 0x584, "PJ4B"},
    {APPLE, 0, 0x022, "Icestorm (M1)"},    {APPLE, 0, 0x023, "Firestorm (M1)"},   {APPLE, 0, 0x032, "Blizzard (M2)"},
    {APPLE, 0, 0x033, "Avalanche (M2)"},   {PHYTIUM, 0, 0x660, "FTC660"},         {PHYTIUM, 0, 0x661, "FTC661"},
    {PHYTIUM, 0, 0x662, "FTC662"},         {PHYTIUM, 0, 0x663, "FTC663"},         {AMPERE, 0, 0xac3, "Ampere-1"},
};

static int find(int implementer, int part)
{
    for (int i = 0; i < (int)(sizeof parts / sizeof *parts); i++)
        if (parts[i].implementer == implementer && parts[i].part == part) return i;
    return -1;
}

const char *ps_arm_part_name(int implementer, int part)
{
    int i = find(implementer, part);
    return i < 0 ? NULL : parts[i].name;
}

bool ps_arm_part_in_order(int implementer, int part)
{
    int i = find(implementer, part);
    return i >= 0 && parts[i].in_order;
}
