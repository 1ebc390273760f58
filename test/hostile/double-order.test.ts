import { suite } from 'uvu'
import { ARRIVALS, spendTwice } from '../kit/double-spend.ts'

const test = suite('two orders for one version, 4 members')
for (const arrival of ARRIVALS) test(arrival.name, () => spendTwice(4, arrival))
test.run()
